"""
The commands of Terraform: keyword arguments in, typed results out.

python-terraform builds the argument lists. What it does with them is replaced, because it has no time limit, no
streaming and no way to stop in order, and its `destroy` passes an option that Terraform no longer knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import python_terraform
from python_terraform import IsFlagged

from skytf.errors import Refused, TerraformError
from skytf.runner import environment
from skytf.runner.complaints import Speaker, advice, is_lock_broken, is_lock_mismatch, waits_for
from skytf.runner.diagnostics import Diagnostic, format_diagnostic, headline, parse_diagnostic
from skytf.runner.engine import Engine
from skytf.runner.messages import Message, parse_line
from skytf.runner.process import Finished, Process
from skytf.runner.silence import noticing_silence

OnMessage = Callable[[Message], None]
OnSilence = Callable[[str], None]

CAPTURE_TIMEOUT_S = 120  # nothing is created; a cloud's provider takes up to a minute to start (reference: 5-7 s)
_LOCK_TIMEOUT = "20s"  # an interrupted apply releases its lock within seconds
_SILENCE_S = 15.0  # a provider that starts and looks things up takes up to 11 s where all is well (reference)
_LONGEST_S = {"init": 600, "lock": 900, "plan": 900, "apply": 3_600, "destroy": 3_600}
_STDERR_CHARS = 4_000
_MAX_DIAGNOSTICS = 100  # a fleet of thousands fails a thousand times for one reason; the log has them all


def _ignore(_said: Any) -> None: ...


class Terraform(python_terraform.Terraform):  # type: ignore[misc]  # the library has no types
    """
    Terraform in one working directory.

    Args:
        engine: Which one; plan and apply must use the same.
        workdir: The root module; local state lies here too.
        log_dir: Where what the commands say is appended, one ``<command>.jsonl`` each.
        env: The operator's environment (`skytf.runner.environment` says what of it goes on).
        extra_env: What the modules of the clouds in use want to find.
        on_message: Called with everything that a command says, in the calling thread.
        clouds: Whose providers it runs: by them its words are understood.
        backend: The kind of the backend that an override file in *workdir* names, empty for local state.
        on_silence: Called, in a thread of its own, with what Terraform probably waits for when it says nothing.

    All commands raise `TerraformError`, with Terraform's own words, where Terraform fails, is interrupted or takes
    too long. After a time limit Terraform gets one SIGINT and all the time it needs to stop in order.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        workdir: Path,
        log_dir: Path,
        env: Mapping[str, str],
        extra_env: Mapping[str, str] | None = None,
        on_message: OnMessage = _ignore,
        clouds: Sequence[str] = (),
        backend: str = "",
        on_silence: OnSilence = _ignore,
        silence_s: float = _SILENCE_S,
    ) -> None:
        super().__init__(working_dir=str(workdir), terraform_bin_path=str(engine.path), is_env_vars_included=False)
        self.engine = engine
        self._log_dir = log_dir
        self._on_message = on_message
        self._on_silence = on_silence
        self._silence_s = silence_s
        self._speaker = Speaker(engine.path, workdir, tuple(clouds), backend)
        child_env = environment.build(env, data_dir=workdir / ".terraform", extra=extra_env or {})
        self._process = Process(cwd=workdir, env=child_env)

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what is not there: the parent would run any misspelt name as a command."""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def read_state_file(self, file_path: str | None = None) -> None:
        """Do nothing: the state is Terraform's, and nobody else's to read."""

    @property
    def backend(self) -> str:
        """The kind of backend that keeps the state, empty where it lies in the working directory."""
        return self._speaker.backend

    def interrupt(self) -> None:
        """Ask the running command to stop in order (once; again does nothing). Safe in a signal handler."""
        self._process.interrupt()

    @contextmanager
    def stopping_when(self, stop_wanted: Callable[[], bool]) -> Iterator[None]:
        """Interrupt every command of this context that starts after *stop_wanted* has become true."""
        self._process.stop_wanted = stop_wanted
        try:
            yield
        finally:
            self._process.stop_wanted = lambda: False

    def init(self, *, locked: bool = False, timeout_s: float = _LONGEST_S["init"]) -> None:
        """
        Fetch what the root module needs: child modules, providers, the backend.

        Raises:
            Refused: *locked*, and ``.terraform.lock.hcl`` is broken, or the providers at hand are not those of it.
        """
        # The state never moves from one backend to another: what an old one still holds is removed before.
        options: dict[str, Any] = {"input": False, "no_color": IsFlagged, "reconfigure": IsFlagged}
        if locked:
            options["lockfile"] = "readonly"
        try:
            self._follow("init", timeout_s, **options)
        except TerraformError as error:
            if locked and is_lock_mismatch(error.diagnostics):
                raise Refused(
                    f"the providers at hand are not those of the reviewed .terraform.lock.hcl: {_first_line(error)}",
                    hint="take providers from where the bundle was planned, or plan again and review the new lock file",
                ) from error
            if locked and is_lock_broken(error.diagnostics):
                text = f"the reviewed .terraform.lock.hcl was edited, Terraform cannot read it: {_first_line(error)}"
                raise Refused(text, hint="take it back from version control, or plan again") from error
            raise

    def providers_lock(self, platforms: Sequence[str], *, timeout_s: float = _LONGEST_S["lock"]) -> None:
        """Write ``.terraform.lock.hcl`` for *platforms*, with what the providers' own registries say."""
        # Their registries alone: a mirror has only what somebody put there, and signs nothing.
        argv: list[str] = self.generate_cmd_string("providers lock", no_color=IsFlagged, platform=list(platforms))
        finished = self._process.capture(argv, timeout_s=timeout_s)
        if finished.timed_out or finished.returncode != 0:
            raise self._failure("providers lock", finished, ())

    def validate(self) -> None:
        """Check the configuration against the providers' schemas."""
        finished = self._capture("validate", json=IsFlagged, no_color=IsFlagged)
        found = _validation(finished.stdout)
        for diagnostic in found:
            self._on_message(diagnostic)
        if finished.returncode != 0:
            raise self._failure("validate", finished, found)

    def plan(
        self,
        *,
        out: Path,
        destroy: bool = False,
        var_files: Sequence[Path] = (),
        timeout_s: float = _LONGEST_S["plan"],
    ) -> bool:
        """
        Write a plan to *out* and return whether it changes anything.

        *var_files* win over ``terraform.tfvars.json`` and ``*.auto.tfvars.json`` of the working directory.
        """
        finished = self._follow(
            "plan",
            timeout_s,
            ok=(0, 2),
            input=False,
            detailed_exitcode=IsFlagged,
            json=IsFlagged,
            lock_timeout=_LOCK_TIMEOUT,
            destroy=IsFlagged if destroy else None,
            var_file=[str(path) for path in var_files],
            out=str(out),
        )
        return finished.returncode == 2

    def show_json(self, plan_file: Path) -> dict[str, Any]:
        """Return what ``terraform show -json`` says about *plan_file*; sensitive values are in it."""
        return self._json("show", str(plan_file), json=IsFlagged, no_color=IsFlagged)

    def apply(self, plan_file: Path, *, timeout_s: float = _LONGEST_S["apply"]) -> None:
        """Do what *plan_file* says."""
        self._follow("apply", timeout_s, str(plan_file), input=False, json=IsFlagged, lock_timeout=_LOCK_TIMEOUT)

    def output(self) -> dict[str, Any]:
        """Return the value of every output, by name."""
        raw = self._json("output", json=IsFlagged, no_color=IsFlagged)
        return {name: one["value"] for name, one in raw.items()}

    def pull_state(self) -> str:
        """Return the state as the backend has it, empty where there is none; every attribute is in it."""
        finished = self._capture("state pull")
        if finished.returncode != 0:
            raise self._failure("state pull", finished, ())
        text = finished.stdout.strip()
        if text and not text.startswith("{"):
            raise _no_answer(self.engine, "state pull")
        return text

    def destroy(self, *, timeout_s: float = _LONGEST_S["destroy"], lock_timeout: str = _LOCK_TIMEOUT) -> None:
        """Remove everything that stands in the state."""
        self._follow(
            "destroy", timeout_s, input=False, auto_approve=IsFlagged, json=IsFlagged, lock_timeout=lock_timeout
        )

    def fmt_check(self, path: Path) -> tuple[str, ...]:
        """Return the files below *path* that ``terraform fmt`` would change."""
        finished = self._capture("fmt", str(path), check=IsFlagged, recursive=IsFlagged, no_color=IsFlagged)
        if finished.returncode not in (0, 3):  # 3: some are not formatted
            raise self._failure("fmt", finished, ())
        return tuple(finished.stdout.splitlines())

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> tuple[int, str, str]:
        """Run a command that changes nothing and return code, stdout and stderr, as the parent does."""
        finished = self._capture(cmd, *args, **kwargs)
        return finished.returncode, finished.stdout, finished.stderr

    def _json(self, command: str, *args: str, **options: Any) -> dict[str, Any]:
        finished = self._capture(command, *args, **options)
        if finished.returncode != 0:
            raise self._failure(command, finished, ())
        try:
            value = json.loads(finished.stdout)
        except ValueError as error:
            raise _no_answer(self.engine, command) from error
        if not isinstance(value, dict):
            raise _no_answer(self.engine, command)
        return value

    def _capture(self, command: str, *args: str, **options: Any) -> Finished:
        argv: list[str] = self.generate_cmd_string(command, *args, **options)
        finished = self._process.capture(argv, timeout_s=CAPTURE_TIMEOUT_S)
        if finished.timed_out:
            raise self._failure(command, finished, ())
        return finished

    def _follow(
        self, command: str, timeout_s: float, *args: str, ok: tuple[int, ...] = (0,), **options: Any
    ) -> Finished:
        errors: list[Diagnostic] = []
        argv: list[str] = self.generate_cmd_string(command, *args, **options)
        log = self._log_dir / f"{command}.jsonl"

        def silent() -> None:
            waits = waits_for(command, self._speaker)
            limits = f"nothing for {self._silence_s:.0f} s (limit {timeout_s:.0f} s)"
            self._on_silence(f"terraform {command} has said {limits}: {waits}")

        with noticing_silence(self._silence_s, silent) as heard:

            def on_line(line: str) -> None:
                heard()
                message = parse_line(line)
                if isinstance(message, Diagnostic) and message.is_error and len(errors) < _MAX_DIAGNOSTICS:
                    errors.append(message)
                self._on_message(message)

            finished = self._process.follow(argv, log=log, on_line=on_line, timeout_s=timeout_s)
        if finished.timed_out or finished.returncode not in ok:
            raise self._failure(command, finished, errors)
        return finished

    def _failure(self, command: str, finished: Finished, found: Sequence[Diagnostic]) -> TerraformError:
        words = [format_diagnostic(one) for one in found if one.is_error]
        if not words and finished.stderr.strip():
            words = [finished.stderr.strip()[-_STDERR_CHARS:]]
        what = "took too long and was interrupted" if finished.timed_out else _ending(finished.returncode)
        summary = f": {headline(found[0])}" if found else ""
        hint = advice(command, words, self._speaker)
        return TerraformError(f"terraform {command} {what}{summary}", hint=hint, diagnostics=tuple(words))


def _validation(text: str) -> tuple[Diagnostic, ...]:
    try:
        return tuple(parse_diagnostic(raw) for raw in json.loads(text)["diagnostics"])
    except (ValueError, KeyError, TypeError):
        return ()  # it could not even say so in JSON: stderr has the words


def _no_answer(engine: Engine, command: str) -> TerraformError:
    return TerraformError(
        f"terraform {command} did not answer in JSON",
        hint=f"if {engine.path} is a script around Terraform, see that it prints nothing of its own",
    )


def _ending(returncode: int) -> str:
    return f"was ended by signal {-returncode}" if returncode < 0 else f"failed (exit code {returncode})"


def _first_line(error: TerraformError) -> str:
    """Return the first diagnostic of *error* in one line."""
    return " ".join(error.diagnostics[0].split())[:500] if error.diagnostics else str(error)
