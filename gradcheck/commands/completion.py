"""``gradcheck completion``: a script that teaches a shell to complete our commands, options and codes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gradcheck.explanations import codes, explanation
from gradcheck.views.page import printable

__all__ = ["SHELLS", "Shell", "completion"]

Shell = Literal["bash", "zsh", "fish"]
FILES = {"PATH": ":file:_files"}  # in zsh, how an option says that a file's name follows
SHELLS: tuple[Shell, ...] = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its options and what else can stand behind it: words, or the names of files."""

    name: str
    help: str
    options: tuple[tuple[str, str, str], ...]  # name, help, and what stands behind it
    words: tuple[tuple[str, str], ...]


def completion(shell: Shell, parser: argparse.ArgumentParser) -> int:
    """Print the script for that shell, made from what the command line accepts."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    print(printable(script(list(_commands(parser)))), end="")
    return 0


def _commands(parser: argparse.ArgumentParser) -> Iterator[Command]:
    [under] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    helps = {action.dest: action.help or "" for action in under._choices_actions}
    for command, of_command in under.choices.items():
        options, words = [], []
        for action in of_command._actions:
            value = str(action.metavar or "")
            options += [(name, action.help or "", value) for name in action.option_strings if name.startswith("--")]
            if not action.option_strings and action.choices is not None:
                words += [(str(choice), "") for choice in action.choices]
        if command == "explain":
            words += [(code, explanation(code).title) for code in codes()]
        yield Command(command, helps.get(command, ""), tuple(options), tuple(words))


def _bash(commands: list[Command]) -> str:
    cases = "".join(
        f'        {c.name}) words="{" ".join([*(o for o, _, _ in c.options), *(w for w, _ in c.words)])}" ;;\n'
        for c in commands
    )
    return f"""\
# gradcheck in bash: eval "$(gradcheck completion bash)"
_gradcheck() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words
    case "${{COMP_WORDS[1]}}" in
{cases}        *) words="" ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{" ".join(c.name for c in commands)} --version --help"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _gradcheck gradcheck
"""


def _zsh(commands: list[Command]) -> str:
    named = "\n".join(f"        {_quoted(f'{c.name}:{c.help}')}" for c in commands)
    cases = ""
    for c in commands:
        options = " ".join(
            _quoted(f"{option}[{_plain(told)}]{FILES.get(value, value and ':number:')}")
            for option, told, value in c.options
        )
        words = " ".join(word for word, _ in c.words)
        rest = f"'*:word:({words})'" if words else "'*:file:_files'"
        cases += f"        {c.name}) _arguments {options} {rest} ;;\n"
    return f"""\
#compdef gradcheck
# gradcheck in zsh: eval "$(gradcheck completion zsh)"
_gradcheck() {{
    local -a commands=(
{named}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local name="${{words[2]}}"
    shift words
    (( CURRENT-- ))
    case "$name" in
{cases}    esac
}}
compdef _gradcheck gradcheck
"""


def _fish(commands: list[Command]) -> str:
    lines = ["# gradcheck in fish: gradcheck completion fish | source"]
    for c in commands:
        lines.append(f"complete -c gradcheck -n __fish_use_subcommand -f -a {c.name} -d {_quoted(c.help)}")
        inside = f"complete -c gradcheck -n '__fish_seen_subcommand_from {c.name}'"
        lines += [
            f"{inside} -l {option.removeprefix('--')} -d {_quoted(told)}{' -r' if value else ''}"
            for option, told, value in c.options
        ]
        lines += [f"{inside} -f -a {word}" + (f" -d {_quoted(_plain(told))}" if told else "") for word, told in c.words]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Without the brackets that end a description in zsh."""
    return text.replace("[", "(").replace("]", ")")


def _quoted(text: str) -> str:
    """In single quotes, in which all three shells take every character but the quote as it stands."""
    return "'" + text.replace("'", "'\\''") + "'"
