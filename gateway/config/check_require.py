"""Problems of what a route requires whose keys are right one by one."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.partial import PartialConfig
from gateway.config.route_settings import RequireSettings
from gateway.model.errors import Problem
from gateway.source.document import KeyPath


def check_require(
    config: PartialConfig, require: RequireSettings, path: KeyPath, *, bound: bool = False
) -> Iterator[Problem]:
    """Yield alternatives that admit or refuse everybody, and roles of organizations that anybody can found.

    `bound` tells that what stands around `require` lists organizations already.
    """
    bound = bound or bool(require.organizations)
    if require.organization_roles and not bound:
        text = "without organizations: who is that in any organization passes, a customer's own too"
        yield config.warning(text, *path, "organization_roles")
    if require.unverified_emails and not require.email_domains:
        yield config.warning("is not used: there are no email_domains", *path, "unverified_emails")
    for place, alternative in enumerate(require.any_of):
        if _is_empty(alternative):
            yield config.problem("requires nothing, so everybody meets it", *path, "any_of", place)
        yield from check_require(config, alternative, (*path, "any_of", place), bound=bound)
    for place, exception in enumerate(require.not_):
        if _is_empty(exception):
            yield config.problem("requires nothing, so everybody is refused", *path, "not", place)
        yield from check_require(config, exception, (*path, "not", place), bound=True)  # it admits nobody


def _is_empty(require: RequireSettings) -> bool:
    """Tell whether everybody meets `require`: a list that is written and empty asks nothing."""
    return not any(getattr(require, name) for name in RequireSettings.model_fields if name != "unverified_emails")
