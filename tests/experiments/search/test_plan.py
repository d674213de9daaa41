"""What a search refuses before it begins."""

from __future__ import annotations

import pytest

from narrowcast.core.run import CLASSIFIERS
from narrowcast.errors import UsageError
from narrowcast.experiments.search.plan import plan_search
from tests.experiments.search.conftest import asked


@pytest.mark.parametrize("method", CLASSIFIERS)
def test_the_methods_of_classifiers_have_no_recipe_to_vary(ready, base, method):
    message = f"the method {method} trains a classifier"
    with pytest.raises(UsageError, match=message):
        plan_search(ready, asked({"method": method}))
    with pytest.raises(UsageError, match=message):
        plan_search(ready, asked({"base": base}, {"method": f"full,{method}"}))
