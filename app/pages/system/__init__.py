"""The System page: processes, leases, the backlog, schedules due and overdue."""

from app.pages.system.page import system

__all__ = ["system"]
