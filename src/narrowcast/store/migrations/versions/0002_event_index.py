"""Events move into the projects' own files; the database keeps an index of them.

The former table stays: `narrowcast migrate` writes a project's file from it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_index",
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("time", sa.String(40), nullable=False),
        sa.Column("run", sa.String(64)),
        sa.Column("parent", sa.String(64)),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_index("ix_event_index_run", "event_index", ["project_id", "run"])
    op.create_index("ix_event_index_parent", "event_index", ["project_id", "parent"])


def downgrade() -> None:
    op.drop_index("ix_event_index_parent", "event_index")
    op.drop_index("ix_event_index_run", "event_index")
    op.drop_table("event_index")
