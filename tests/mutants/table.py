"""Which modules are changed, and the fast tests that guard each: the pure parts, where a wrong decision is quiet."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["GUARDED"]

GUARDED: Mapping[str, tuple[str, ...]] = {
    # The loop's decisions.
    "agent/loop.py": ("agent/test_loop.py", "agent/test_loop_ends.py", "agent/test_loop_again.py"),
    "agent/reading.py": ("agent/test_reading.py",),
    "agent/repeats.py": ("agent/test_repeats.py",),
    "agent/conversation.py": ("agent/test_conversation.py",),
    "agent/parking.py": ("agent/test_parking.py",),
    "agent/wanted.py": ("agent/test_wanted.py",),
    "agent/account.py": ("agent/test_account.py",),
    "agent/context.py": ("agent/test_context_exact.py", "agent/test_context.py"),
    # Budgets.
    "agent/budget.py": ("agent/test_budget.py",),
    # The sandbox's policy.
    "sandbox/bubblewrap.py": ("sandbox/test_policy.py", "sandbox/test_whole_policy.py"),
    "sandbox/calls.py": ("sandbox/test_calls.py", "sandbox/test_filter.py"),
    "sandbox/seccomp.py": ("sandbox/test_filter.py", "sandbox/test_whole_policy.py"),
    "sandbox/landlock.py": ("sandbox/test_policy.py", "sandbox/test_whole_policy.py"),
    "sandbox/places.py": ("sandbox/test_policy.py", "sandbox/test_whole_policy.py"),
    "sandbox/environment.py": ("sandbox/test_policy.py", "sandbox/test_whole_policy.py"),
    # Addresses, headers, and what is sent again.
    "tools/addresses.py": ("tools/test_addresses.py",),
    "tools/headers.py": ("tools/test_headers.py",),
    "tools/retries.py": ("tools/test_retries.py",),
    "wire/retry_after.py": ("wire/test_retry_after.py",),
    # Who may ask.
    "server/guard.py": ("server/test_guard.py", "server/test_callers.py"),
    "server/hosts.py": ("server/test_hosts.py", "server/test_guard.py"),
    "settings/given.py:Given.key,Given.text": ("test_settings.py", "test_server_settings.py"),
}
