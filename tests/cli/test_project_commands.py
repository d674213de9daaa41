"""`narrowcast project`: a project renamed, moved, deleted, backed up and restored as a whole."""

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from narrowcast.core.settings import Settings
from narrowcast.ops.backups import backup, restore
from narrowcast.ops.project_changes import delete, move, rename
from narrowcast.ops.requests import (
    BackupRequest,
    DeleteRequest,
    MoveRequest,
    RenameRequest,
    RestoreRequest,
)
from narrowcast.pipeline.project import Project, projects
from narrowcast.store.lock import project_lock
from tests.support.cli import Cli, CliJson
from tests.support.kills import count_steps, killed_at

OTHER_DISK = Path("/dev/shm")


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    if not OTHER_DISK.is_dir() or OTHER_DISK.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    folder = OTHER_DISK / f"narrowcast-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def _import(cli: Cli, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nhello there,a\ngood bye,b\nwhat now,a\n")
    mapping = ["--mapper", "label_to_classification", "--map", "text=text,label=label"]
    cli("data", "import", "-l", f"csv:{rows}", *mapping)


def _files(root: Path) -> dict[str, str]:
    """Every file but the locks, with its hash."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {"lock", "locks"} & set(path.relative_to(root).parts[1:2])
    }


def _codes(cli_json: CliJson, *arguments: str) -> list[str]:
    return [each["reason_code"] for each in cli_json("events", *arguments)]


def test_rename_changes_every_place_and_keeps_the_trail(
    project: Project, cli: Cli, cli_json: CliJson
) -> None:
    result = cli_json("project", "rename", "Support Tickets")
    assert (result["former"], result["slug"]) == ("task", "support-tickets")
    root = project.paths.root
    assert yaml.safe_load((root / "narrowcast.yaml").read_text())["name"] == "Support Tickets"
    assert (root / "README.md").read_text().startswith("# Support Tickets\n")
    assert (root / "task.md").read_text().startswith("# Support Tickets\n")
    assert [each["slug"] for each in cli_json("projects")] == ["support-tickets"]
    assert _codes(cli_json, "-p", "support-tickets")[-1] == "project_renamed"
    cli("audit", "verify", "-p", "support-tickets")
    cli("status", "-p", "task", code=2)


def test_a_name_that_is_taken_is_refused(project: Project, cli: Cli) -> None:
    cli("init", "other", "--yes")
    done = cli("project", "rename", "Other", "-p", project.slug, code=2)
    assert "exists already" in done.stderr
    cli("project", "rename", "Other", "-p", project.slug, "--dry-run", code=2)


def test_a_name_of_digits_is_never_taken_for_a_number(project: Project, cli: Cli, cli_json: CliJson) -> None:
    cli("init", "beta", "-y")
    assert cli_json("project", "rename", "2", "-p", "task")["slug"] == "project-2"
    assert cli_json("project", "delete", "2", "--dry-run")["slug"] == "beta"
    cli("init", "1", "-y")
    assert [each["slug"] for each in cli_json("projects")] == ["project-2", "beta", "project-1"]


def test_a_number_comes_before_a_slug_of_an_older_version(
    project: Project, cli: Cli, cli_json: CliJson
) -> None:
    cli("init", "beta", "-y")
    with sqlite3.connect(project.settings.home / "narrowcast.db") as database:
        database.execute("update projects set slug = '2' where slug = 'task'")
    database.close()
    assert cli_json("project", "delete", "2", "--dry-run")["slug"] == "beta"
    assert cli("status", "-p", "1").stderr.startswith("project 2\n")


def test_accents_are_no_separators(project: Project, cli: Cli, cli_json: CliJson) -> None:
    assert cli_json("project", "rename", "Ünï Cödé")["slug"] == "uni-code"


def test_a_page_that_the_user_titled_keeps_its_title(project: Project, cli: Cli) -> None:
    page = project.paths.root / "README.md"
    page.write_text("# My own title\n")
    cli("project", "rename", "Another")
    assert page.read_text() == "# My own title\n"


def test_move_takes_files_trail_and_memory_along(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    _import(cli, tmp_path)
    before, former = _files(project.paths.root), project.paths.root
    result = cli_json("project", "move", tmp_path / "far" / "away")
    root = tmp_path / "far" / "away"
    assert (result["path"], result["copied"]) == (str(root), False)
    assert not former.exists()
    after = _files(root)
    assert {name: after[name] for name in before if "events" not in name} == {
        name: digest for name, digest in before.items() if "events" not in name
    }
    assert _codes(cli_json)[-1] == "project_moved"
    cli("audit", "verify")
    (root / "registry/events.jsonl").unlink()
    (root / "registry/events.head.json").unlink()
    assert "the workspace remembers" in cli("audit", "verify", code=3).stdout


def test_move_to_another_file_system_copies_and_compares(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path, other_disk: Path
) -> None:
    _import(cli, tmp_path)
    before = _files(project.paths.root)
    result = cli_json("project", "move", other_disk / "moved")
    assert result["copied"]
    assert not project.paths.root.exists()
    after = _files(other_disk / "moved")
    assert {name for name in after if after[name] != before.get(name)} == {
        "registry/events.jsonl",
        "registry/events.head.json",
    }
    assert [each.name for each in other_disk.iterdir()] == ["moved"]
    cli("audit", "verify")


def test_move_says_which_sources_name_the_former_folder(
    project: Project, cli: Cli, cli_json: CliJson
) -> None:
    _import(cli, project.paths.root)
    result = cli_json("project", "move", project.paths.root.parent / "elsewhere")
    assert result["sources_inside"] == [f"csv:{project.paths.root}/rows.csv"]


@pytest.mark.parametrize("place", ["task/within", "taken"])
def test_move_refuses_a_folder_that_is_not_free(project: Project, cli: Cli, place: str) -> None:
    (project.paths.root.parent / "taken").mkdir()
    cli("project", "move", project.paths.root.parent / place, code=2)
    cli("project", "move", project.paths.root.parent / place, "--dry-run", code=2)
    cli("status")


def test_no_project_is_put_among_the_files_of_another(project: Project, cli: Cli, tmp_path: Path) -> None:
    root = project.paths.root
    cli("init", "beta", "-y")
    cli("project", "backup", tmp_path / "task.tar")
    inner = root / "data" / "inner"
    assert "belongs to the project" in cli("init", "gamma", "-y", "--path", inner, code=2).stderr
    assert "belongs to the project" in cli("project", "move", inner, "-p", "beta", code=2).stderr
    words = ["project", "restore", tmp_path / "task.tar", "--name", "again", "--path", inner]
    assert "belongs to the project" in cli(*words, code=2).stderr
    assert not inner.exists()


def test_delete_refuses_while_another_project_lies_inside(project: Project, cli: Cli) -> None:
    cli("init", "beta", "-y")
    inner = project.paths.root / "data" / "inner"
    shutil.copytree(project.settings.home / "projects" / "beta", inner)  # as earlier versions allowed
    answer = cli("project", "delete", "task", "--yes", code=2)
    assert str(inner) in answer.stderr
    assert (inner / "narrowcast.yaml").exists()


def test_the_remembered_folder_has_no_detours(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    moved = cli_json("project", "move", tmp_path / "detour" / ".." / "place")
    assert moved["path"] == str(tmp_path.resolve() / "place")
    assert not (tmp_path / "detour").exists()


def test_delete_says_what_it_frees_keeps_foreign_files_and_leaves_an_event(
    project: Project, cli: Cli, cli_json: CliJson
) -> None:
    root = project.paths.root
    (root / "notes.txt").write_text("mine")
    refused = cli("project", "delete", "task", code=2)
    assert re.search(r"would remove \d+ files", refused.stderr)
    assert "project delete task --yes" in refused.stderr
    planned = cli_json("project", "delete", "task", "--dry-run")
    assert root.exists()
    result = cli_json("project", "delete", "task", "--yes")
    assert {**planned, "dry_run": False} == result
    assert result["kept"] == ["notes.txt"]
    assert result["size_bytes"] > 0
    assert [each.name for each in root.iterdir()] == ["notes.txt"]
    assert cli_json("projects") == []
    event = cli_json("events", "--workspace")[-1]
    assert (event["reason_code"], event["payload"]["slug"]) == ("project_deleted", "task")
    cli("audit", "verify", "--workspace")


def test_delete_and_backup_wait_for_nobody(project: Project, cli: Cli, tmp_path: Path) -> None:
    with project_lock(project.paths.lock, "train"):
        for command in (
            ["delete", "task", "--yes"],
            ["delete", "task", "--dry-run"],
            ["backup", tmp_path / "task.tar"],
            ["move", tmp_path / "elsewhere"],
            ["rename", "other"],
        ):
            assert "train" in cli("project", *command, code=1).stderr
    assert not (tmp_path / "task.tar").exists()
    cli("status")


def test_delete_refuses_while_a_job_waits(project: Project, cli: Cli) -> None:
    pytest.importorskip("dbos")
    job = cli("jobs", "submit", "--no-worker", "--", "prepare").stdout.split()[0]
    assert job in cli("project", "delete", "task", "--yes", code=1).stderr
    cli("jobs", "cancel", job)
    cli("project", "delete", "task", "--yes")


def test_a_project_whose_folder_is_gone_leaves_the_index(
    project: Project, cli: Cli, cli_json: CliJson
) -> None:
    shutil.rmtree(project.paths.root)
    cli("status", code=1)
    cli("project", "delete", "task", "--yes")
    assert cli_json("projects") == []


def test_backup_and_restore_give_the_same_files(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    _import(cli, tmp_path)
    (project.paths.root / ".git").mkdir()
    (project.paths.root / ".git" / "config").write_text("[core]")
    before = _files(project.paths.root)
    saved = cli_json("project", "backup", tmp_path / "task.tar")
    assert saved["left_out"] == [".git/"]
    assert saved["sha256"] == hashlib.sha256((tmp_path / "task.tar").read_bytes()).hexdigest()
    assert "exists" in cli("project", "backup", tmp_path / "task.tar", code=2).stderr
    restored = cli_json("project", "restore", tmp_path / "task.tar", "--name", "again")
    after = _files(Path(restored["path"]))
    changed = {"registry/events.jsonl", "registry/events.head.json", "narrowcast.yaml"}  # event and name
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed and not k.startswith(".git")
    }
    assert restored["problems"] == []
    cli("audit", "verify", "-p", "again")
    assert _codes(cli_json, "-p", "again")[-1] == "project_restored"
    assert _codes(cli_json, "-p", "task")[-1] == "project_backed_up"
    assert [each.name for each in tmp_path.glob(".*")] == []


def test_a_backup_leaves_scratch_out(project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    scratch = project.paths.root / "data" / "accepted" / ".imp-1.jsonl.999999-0123abcd.xyzxyzxy.part"
    scratch.parent.mkdir(parents=True)
    scratch.write_text("half")
    checkpoints = project.paths.runs / "exp-1" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "state").write_text("of an interrupted run")
    cli("project", "backup", tmp_path / "task.tar")
    with tarfile.open(tmp_path / "task.tar") as archive:
        names = archive.getnames()
    assert "project/training/runs/exp-1/checkpoints/state" in names
    assert not [name for name in names if name.endswith((".part", "/lock"))]


def test_a_link_cannot_be_backed_up(project: Project, cli: Cli, tmp_path: Path) -> None:
    (project.paths.root / "specs" / "more").symlink_to("/etc")
    assert "a link" in cli("project", "backup", tmp_path / "task.tar", code=1).stderr
    assert not (tmp_path / "task.tar").exists()


def test_an_older_backup_passes_the_audit_and_says_what_it_passes_over(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    cli("project", "backup", tmp_path / "task.tar")
    _import(cli, tmp_path)
    seen = cli_json("audit", "verify")["events"]
    cli("project", "delete", "task", "--yes")
    cli("project", "restore", tmp_path / "task.tar")
    report = cli_json("audit", "verify")
    assert report["intact"]
    assert f"up to event {seen}" in report["notes"][0]
    event = cli_json("events")[-1]
    assert event["reason_code"] == "project_restored"
    assert event["payload"]["passed_over"][0] == seen
    assert event["payload"]["end"] == [1, cli_json("events")[0]["hash"]]
    assert _codes(cli_json, "--workspace") == ["project_deleted", "project_restored"]


def test_a_restored_trail_that_is_shortened_is_noticed(project: Project, cli: Cli, tmp_path: Path) -> None:
    """The event of the restoration cannot be removed together with what follows it."""
    cli("project", "backup", tmp_path / "task.tar")
    _import(cli, tmp_path)
    cli("project", "delete", "task", "--yes")
    cli("project", "restore", tmp_path / "task.tar")
    _import(cli, tmp_path)
    trail, head = project.paths.events, project.paths.events_head
    lines = trail.read_text().splitlines(keepends=True)
    for kept in (1, 2, len(lines) - 1):
        trail.write_text("".join(lines[:kept]))
        last = json.loads(lines[kept - 1])
        head.write_text(json.dumps({"seq": last["seq"], "hash": last["hash"]}))
        assert "shortened" in cli("audit", "verify", code=3).stdout
    assert "by which an older trail was accepted" in cli("audit", "verify", code=3).stdout or kept > 2


def test_an_older_copy_put_there_by_hand_is_accepted_with_a_reason(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    root = project.paths.root
    shutil.copytree(root, tmp_path / "copy")
    _import(cli, tmp_path)
    assert "intact" in cli("audit", "accept", "--reason", "nothing happened", code=2).stderr
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "copy", root)
    assert "narrowcast audit accept" in cli("audit", "verify", code=3).stdout
    cli("audit", "accept", "--reason", "copied back from Monday")
    report = cli_json("audit", "verify")
    assert report["intact"]
    assert report["notes"]
    assert "Monday" in cli_json("events")[-1]["message"]


def test_accepting_does_not_cover_a_changed_line(project: Project, cli: Cli, tmp_path: Path) -> None:
    _import(cli, tmp_path)
    text = project.paths.events.read_text()
    project.paths.events.write_text(text.replace("was created", "was Created"))
    assert "damaged" in cli("audit", "accept", "--reason", "why not", code=1).stderr
    cli("audit", "verify", code=3)


Member = tuple[tarfile.TarInfo, bytes]


def _members(path: Path) -> list[Member]:
    with tarfile.open(path) as archive:
        return [(each, archive.extractfile(each).read()) for each in archive]  # type: ignore[union-attr]


def _info(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info, data


def _with_hash(members: list[Member], added: Member) -> list[Member]:
    """The member before the hashes, which name it."""
    info, data = added
    name = info.name.removeprefix("project/")
    listed = json.loads(members[-1][1])
    listed.append({"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    return [*members[:-1], added, _info("narrowcast-hashes.json", json.dumps(listed).encode())]


BAD: dict[str, Callable[[list[Member]], list[Member]]] = {
    "climbs": lambda all_: _with_hash(all_, _info("project/../../evil", b"x")),
    "absolute": lambda all_: _with_hash(all_, _info("/tmp/evil", b"x")),
    "double-slash": lambda all_: _with_hash(all_, _info("project//tmp/evil", b"x")),
    "outside": lambda all_: _with_hash(all_, _info("evil", b"x")),
    "backslash": lambda all_: _with_hash(all_, _info("project/..\\evil", b"x")),
    "link": lambda all_: _with_hash(all_, _info("project/evil", kind=tarfile.SYMTYPE, link="/etc")),
    "hard-link": lambda all_: _with_hash(
        all_, _info("project/evil", kind=tarfile.LNKTYPE, link="project/narrowcast.yaml")
    ),
    "device": lambda all_: _with_hash(all_, _info("project/evil", kind=tarfile.FIFOTYPE)),
    "folder": lambda all_: _with_hash(all_, _info("project/evil", kind=tarfile.DIRTYPE)),
    "twice": lambda all_: _with_hash(all_, (all_[1][0], all_[1][1])),
    "more": lambda all_: [*all_[:-1], _info("project/evil", b"x"), all_[-1]],
    "fewer": lambda all_: [all_[0], *all_[2:]],
    "changed": lambda all_: [all_[0], _info(all_[1][0].name, b"x" * all_[1][0].size), *all_[2:]],
    "no-hashes": lambda all_: all_[:-1],
    "no-head": lambda all_: all_[1:],
    "after": lambda all_: [*all_, _info("project/evil", b"x")],
    "scratch": lambda all_: _with_hash(all_, _info("project/.x.abcdefgh.part", b"x")),
    "no-project": lambda all_: [
        all_[0],
        _info("project/a", b""),
        _info(
            "narrowcast-hashes.json",
            json.dumps([{"path": "a", "size": 0, "sha256": hashlib.sha256(b"").hexdigest()}]).encode(),
        ),
    ],
}


@pytest.mark.parametrize("kind", BAD)
def test_an_unsafe_or_damaged_backup_puts_nothing_in_place(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path, kind: str
) -> None:
    cli("project", "backup", tmp_path / "task.tar")
    bad = tmp_path / "bad.tar"
    with tarfile.open(bad, "w") as archive:
        for info, data in BAD[kind](_members(tmp_path / "task.tar")):
            archive.addfile(info, io.BytesIO(data))
    for more in (["--dry-run"], []):
        done = cli("project", "restore", bad, "--name", "again", *more, "--json", code=1)
        assert json.loads(done.stdout)["error"]["reason_code"] == "backup_damaged"
    assert [each["slug"] for each in cli_json("projects")] == ["task"]
    assert sorted(each.name for each in project.paths.root.parent.iterdir()) == ["task"]
    assert not list(tmp_path.rglob("evil"))


def test_any_cut_or_flipped_byte_is_noticed(project: Project, cli: Cli, tmp_path: Path) -> None:
    cli("project", "backup", tmp_path / "task.tar")
    data = (tmp_path / "task.tar").read_bytes()
    whole = len(data.rstrip(b"\0"))
    for place in range(0, whole, max(1, whole // 40)):
        bad = tmp_path / f"bad-{place}.tar"
        bad.write_bytes(data[:place])
        cli("project", "restore", bad, "--name", "again", "--dry-run", code=1)


@pytest.mark.parametrize("taken", ["name", "folder"])
def test_restore_takes_only_a_free_name_and_folder(
    project: Project, cli: Cli, tmp_path: Path, taken: str
) -> None:
    cli("project", "backup", tmp_path / "task.tar")
    words = ["restore", tmp_path / "task.tar"]
    if taken == "folder":
        words += ["--name", "again", "--path", project.paths.root]
    for more in ([], ["--dry-run"]):
        assert "next: narrowcast project restore" in cli("project", *words, *more, code=2).stderr
    cli("status")


def test_what_does_not_fit_is_refused_before_it_begins(
    project: Project, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk itself is not filled; what is asked of it is."""
    cli("project", "backup", tmp_path / "task.tar")
    members = _members(tmp_path / "task.tar")
    head = json.loads(members[0][1]) | {"size_bytes": 1 << 60}
    with tarfile.open(tmp_path / "big.tar", "w") as archive:
        for info, data in [_info("narrowcast-backup.json", json.dumps(head).encode()), *members[1:]]:
            archive.addfile(info, io.BytesIO(data))
    done = cli("project", "restore", tmp_path / "big.tar", "--name", "again", "--json", code=1)
    assert json.loads(done.stdout)["error"]["reason_code"] == "system_disk_short"


# What follows kills a change at each of its steps.

Work = Callable[[Settings, Path], Any]


def _opened(settings: Settings, work: Callable[[Project], Any]) -> None:
    with Project.open(settings, "task") as opened:
        work(opened)


CHANGES: dict[str, Work] = {
    "rename": lambda s, _: _opened(s, lambda p: rename(p, RenameRequest(name="Other"))),
    "move": lambda s, d: _opened(s, lambda p: move(p, MoveRequest(folder=d / "moved"))),
    "delete": lambda s, _: _opened(s, lambda p: delete(p, DeleteRequest())),
    "backup": lambda s, d: _opened(s, lambda p: backup(p, BackupRequest(file=d / "new.tar"))),
    "restore": lambda s, d: restore(s, RestoreRequest(file=d / "task.tar", name="again")),
}


def _workspace(folder: Path, database: Path) -> tuple[Settings, Path]:
    """A workspace with a project and its backup."""
    settings = Settings.from_environment({}, home=folder / "home")
    settings.home.mkdir(parents=True)
    shutil.copyfile(database, settings.home / "narrowcast.db")
    with Project.create(settings, "task") as made:
        (made.paths.root / "data").mkdir()
        (made.paths.root / "data" / "rows.jsonl").write_text("{}\n")
        backup(made, BackupRequest(file=folder / "task.tar"))
    return settings, folder


def _state(settings: Settings, folder: Path) -> dict[str, Any]:
    """What a user finds: projects with their files, and archives; trails have to be whole."""
    found: dict[str, Any] = {}
    for entry in projects(settings):
        with Project.open(settings, str(entry.id)) as opened:
            with opened.lock("status"):
                pass  # any command that works on the project sweeps first
            report = opened.trail.verify()
            assert report.intact, report.problems
        files = {name: each for name, each in _files(entry.path).items() if "registry/events" not in name}
        found[entry.slug] = (entry.path.relative_to(folder), files)
    found["archives"] = sorted(each.name for each in folder.glob("*.tar"))
    found["folders"] = sorted(each.name for each in (settings.home / "projects").iterdir())
    assert not list((settings.home / "changes").glob("*"))
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_a_kill_at_any_step_leaves_the_old_state_or_the_new_one(
    change: str, empty_database: Path, tmp_path: Path
) -> None:
    settings, folder = _workspace(tmp_path / "whole", empty_database)
    old = _state(settings, folder)
    steps = count_steps(folder, lambda: CHANGES[change](settings, folder))
    new = _state(settings, folder)
    assert old != new
    seen = set()
    for step in range(1, steps + 1):
        settings, folder = _workspace(tmp_path / str(step), empty_database)
        killed_at(step, folder, lambda s=settings, d=folder: CHANGES[change](s, d))  # type: ignore[misc]
        state = _state(settings, folder)
        assert state in (old, new), f"step {step} of {steps}"
        seen.add(state == new)
        if state == old:
            CHANGES[change](settings, folder)
            assert _state(settings, folder) == new
    assert seen == {False, True} or change == "backup"


@pytest.mark.nightly
def test_a_killed_copy_to_another_file_system_leaves_nothing(
    empty_database: Path, tmp_path: Path, other_disk: Path
) -> None:
    """Steps on the other disk as well: the copies, the new name, the removal of the original."""

    def work(settings: Settings, target: Path) -> None:
        _opened(settings, lambda each: move(each, MoveRequest(folder=target)))

    outcomes = set()
    for root_of in (lambda folder: folder, lambda _: other_disk):
        settings, folder = _workspace(tmp_path / f"whole-{len(outcomes)}", empty_database)
        target = other_disk / f"whole-{len(outcomes)}"
        steps = count_steps(root_of(folder), lambda s=settings, d=target: work(s, d))  # type: ignore[misc]
        for step in range(1, steps + 1):
            settings, folder = _workspace(tmp_path / f"{step}-{len(outcomes)}", empty_database)
            target = other_disk / folder.name
            killed_at(step, root_of(folder), lambda s=settings, d=target: work(s, d))  # type: ignore[misc]
            (entry,) = projects(settings)
            assert entry.path in (folder / "home" / "projects" / "task", target)
            moved = entry.path == target
            assert target.exists() == moved
            assert (folder / "home" / "projects" / "task").exists() != moved
            with Project.open(settings, "task") as opened:
                assert opened.trail.verify().intact
            assert not list(other_disk.glob(".*"))
            outcomes.add((moved, root_of(folder) == other_disk))
    assert {moved for moved, _ in outcomes} == {False, True}
