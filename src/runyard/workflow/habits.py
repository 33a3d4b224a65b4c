"""Keys of other systems, with what to write here instead: those that stand in several tables."""

from __future__ import annotations

SCHEDULE = "nothing starts a workflow by itself: let a line of cron call runyard run FILE"
_ON_ERROR = "write fallback: in the step that may fail, or steps under finally:"
_MAIL = "send it from a step under finally:, such as action: http.request"
ERROR_HABITS = {
    "on_error": _ON_ERROR, "onError": _ON_ERROR, "on_fail": _ON_ERROR, "onFailure": _ON_ERROR,
    "handlerOn": _ON_ERROR, "handler_on": _ON_ERROR,
    "mailOnError": _MAIL, "mail_on_error": _MAIL, "mailOn": _MAIL, "mail_on": _MAIL,
    "errorMail": _MAIL,
}  # fmt: skip
_PACKAGE = "write action: pkg.install with args: {name: …}"
_SERVICE = "write action: service.ensure with args: {name: …}"
MODULE_HABITS = {
    "apt": _PACKAGE, "yum": _PACKAGE, "dnf": _PACKAGE, "package": _PACKAGE, "apk": _PACKAGE,
    "service": _SERVICE, "systemd": _SERVICE, "systemd_service": _SERVICE,
    "copy": "write action: file.copy with args: {src: …, dest: …}",
    "fetch": "write action: file.fetch with args: {src: …, dest: …}",
    "template": "write action: template.render with args: {src: …, dest: …}",
    "file": "write action: cmd.run with mkdir, ln or chmod, or action: file.copy for a file",
    "uri": "write action: http.request with args: {url: …}",
    "get_url": "write action: http.request with args: {url: …}",
    "wait_for": "write action: wait.until with args: {tcp: HOST:PORT}",
    "pause": "write action: approval.wait",
    "set_fact": "write action: env.set with args: {env: {NAME: value}}",
    "docker": "write action: NAME; `runyard actions` lists them",
}  # fmt: skip
