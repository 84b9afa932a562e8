"""Which code this run is made from, and by whom: asked of git, and of CI's variables.

What neither knows stays empty; nothing here fails a run.
"""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_oneroof.evidence.origin import Origin

TIMEOUT = 10
# GitHub, GitLab, Jenkins, Azure, Bitbucket, CircleCI, Buildkite, Drone: what each
# calls it. The first that is set counts: a merge request's own branch before others.
COMMIT = (
    "GITHUB_SHA CI_COMMIT_SHA GIT_COMMIT BUILD_SOURCEVERSION BITBUCKET_COMMIT "
    "CIRCLE_SHA1 BUILDKITE_COMMIT DRONE_COMMIT_SHA"
).split()
BRANCH = (
    "GITHUB_HEAD_REF GITHUB_REF_NAME CI_MERGE_REQUEST_SOURCE_BRANCH_NAME "
    "CI_COMMIT_REF_NAME CHANGE_BRANCH BRANCH_NAME BUILD_SOURCEBRANCHNAME "
    "BITBUCKET_BRANCH CIRCLE_BRANCH BUILDKITE_BRANCH DRONE_BRANCH"
).split()
BASE = (
    "GITHUB_BASE_REF CI_MERGE_REQUEST_TARGET_BRANCH_NAME CHANGE_TARGET "
    "BITBUCKET_PR_DESTINATION_BRANCH BUILDKITE_PULL_REQUEST_BASE_BRANCH "
    "DRONE_TARGET_BRANCH"
).split()
BY = (
    "GITHUB_ACTOR GITLAB_USER_LOGIN BUILD_USER_ID BUILD_REQUESTEDFOR CIRCLE_USERNAME "
    "BUILDKITE_BUILD_CREATOR DRONE_BUILD_TRIGGER"
).split()
PIPELINE = (
    "CI_JOB_URL CI_PIPELINE_URL BUILD_URL CIRCLE_BUILD_URL BUILDKITE_BUILD_URL "
    "DRONE_BUILD_LINK"
).split()
_GITHUB = "GITHUB_SERVER_URL GITHUB_REPOSITORY GITHUB_RUN_ID".split()


def read_origin(
    folder: Path, environ: Mapping[str, str], meta: Iterable[str]
) -> Origin:
    """Return where a run in a folder comes from; `meta` has the form KEY=VALUE."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    branch = _git(folder, "symbolic-ref", "--short", "HEAD")
    pairs = (pair.partition("=") for pair in meta)
    return Origin(
        commit=commit or _first(environ, COMMIT),
        branch=branch or _first(environ, BRANCH),
        base=_first(environ, BASE),
        changed=bool(status) if commit and status is not None else None,
        by=_first(environ, BY) or _login(),
        pipeline=_pipeline(environ),
        meta={key.strip(): value.strip() for key, _, value in pairs},
    )


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says of a folder, None where there is nothing to say."""
    try:
        done = subprocess.run(
            ("git", "-C", str(folder), *arguments),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _pipeline(environ: Mapping[str, str]) -> str:
    server, repository, number = (environ.get(name, "") for name in _GITHUB)
    if server and repository and number:
        return f"{server}/{repository}/actions/runs/{number}"
    return _first(environ, PIPELINE)


def _first(environ: Mapping[str, str], names: Iterable[str]) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _login() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return ""
