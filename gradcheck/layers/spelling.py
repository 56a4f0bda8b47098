"""The names people give to upstream gradients, caches, outputs, and to the gradient of a thing called W."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

__all__ = [
    "gradient_bases",
    "gradient_label",
    "is_buffer_name",
    "is_cache_name",
    "is_data_name",
    "is_output_name",
    "is_prediction_name",
    "is_rate_name",
    "is_target_name",
    "is_upstream_name",
    "looks_like_parameter",
    "match_names",
    "normal_forms",
]

# a check asks for the same few names again and again
_remembered = functools.lru_cache(maxsize=4096)

_UPSTREAM = re.compile(
    r"""d | d_?(out|outputs?|y|z|a|h|v|c|l|s|o|e|values?|next|top|up|scores?|logits|pred|loss|ldy|ldout|result)
      | d_?activation | d[lejc]_?d_?\w+ | dloss_?d?\w* | d_l_d_\w+ | douts? | dys | d_?outputs
      | .*grad(s|ient|ients)?(_?(out|output|outputs|in|y|above|next|top|up|values?))? | grads?_?\w*
      | output_grad\w* | accum_grad | upstreams?\w* | up | g | gs | gy | gys | g_?out(put)?s? | delta\w* | \w*_delta
      | err | error | errors | (output|out)_?error | \w*_error | top_diff | cotangents? | ct | incoming | chain
      | backprop(ped)?_?\w* | bar | \w+_bar | diff | above | d_next\w* | dnext\w* | dprev\w*
      | da_?\w* | dh_?\w* | dc_?(next|t|out)?\w* | dz_?\w* | dy_?\w* """,
    re.VERBOSE,
)
# words that begin with d and are no gradients
_NOT_UPSTREAM = re.compile(
    r"data\w*|dates?|dims?|dimensions?|depth|dilations?|decay\w*|dtype|drop\w*|debug|device|dictionary|dist\w*|dt|dense\w*|detach|degrees?"
)
_CACHE = re.compile(
    r".*cache[sd]?|cache\w*|ctx|context|memory|mem|memo|saved\w*|tape|stash|residuals?|res|tmp|stored|store|intermediates?|"
    r"aux|fwd\w*|forward_\w+|bag|history|info|packed"
)
_OUTPUT = re.compile(
    r"out|outputs?|y|ys|ans|answer|result|res|ret|y_?hat|a|h|activation|activated|fx|f_x|value|outs|out_data"
)
_RATE = re.compile(r"lr|l_rate|learn(ing)?_?rate|alpha|eta|step_?size|rate|lrate|learning_r")
_TARGET = re.compile(
    r"targets?|t|ts|labels?|y_?true|true_?y?|truth|ground_?truth|gt|expected\w*|desired|y_?target|y|ys|y_?real|actual|"
    r"y_?train|y_?batch|real|answers?|correct\w*|one_?hot|y_?onehot|t_?onehot"
)
_PREDICTION = re.compile(
    r"pred\w*|y_?pred\w*|y_?hat|yhat|y_?p|p|probs?|probabilities|logits?|scores?|outputs?|out|a|al|a_?l|x|z|h|o|y_?out|inputs?|q|est\w*"
)
_DATA = re.compile(r"x|xs|data|inputs?|features?|batch|x_?batch|x_?train|images?|samples?|a_?prev")
_PARAMETER = re.compile(
    r"[WUV](_?\w{1,4})?|w(_?\d+|[hxyoifcgzrqkv]{1,2})?|b(_?\d+|_?[hxyoifcgzrqkv]{1,2})?|theta\w*|emb(edding)?s?|"
    r"(\w+_)?(weights?|bias(es)?|kernels?|filters?|gamma|beta|scale|shift)(_?\w{1,4})?|[Kkγβ]|params?|coef_?|slope|alpha"
)
_NOT_PARAMETER = re.compile(r".*(grad|mean|var|velocity|momentum|cache|old|prev|init|mask|opt).*|v[Ww]\w*|m[Ww]\w*")

_LAST_WORD = re.compile(r"(.*\.|.*\[')(\w+)('\]|)")
_BUFFER = re.compile(
    r".*(mean|var|running|moving|velocity|momentum|cache|mask|grad|std|eps|noise|state|hidden).*|[mv]_.*"
)

_PREFIXES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"d_?(l|j|e|c|loss|cost|err|error|z|a|y)_?d_?",
        r"d_",
        r"d",
        r"(gradients?|grads?)_?(of|wrt|for|w_r_t)?_?",
        r"nabla_?",
        r"delta_?",
        r"partial_?",
        r"g_?",
        r"acc(um)?_?(d|grad)_?",
    )
]
_SUFFIXES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"_?gradients?", r"_?grads?", r"_?deltas?", r"_d", r"_?deriv(ative)?", r"_?diff", r"_?bar", r"_g")
]
_ALIASES = [
    (re.compile(r"(weights?|w|kernels?|filters?|mat(rix)?|coef)", re.IGNORECASE), "w"),
    (re.compile(r"(bias(es)?|b|intercept)", re.IGNORECASE), "b"),
    (
        re.compile(
            r"x|xs|inputs?|input_?(data|array|tensor)?|data|in|inp|in_data|prev|a_?prev|z"
            r"|(prev(ious)?|last)_?(a|act|activations?|outputs?|inputs?|layer|x)|(act|activations?|outputs?)_?prev(ious)?",
            re.IGNORECASE,
        ),
        "x",
    ),
    (re.compile(r"(gamma|scale|g)", re.IGNORECASE), "gamma"),
    (re.compile(r"(beta|shift|offset)", re.IGNORECASE), "beta"),
]


def is_upstream_name(name: str) -> bool:
    """Whether an argument of this name is the gradient that comes from above (dout, grad_output, delta ...)."""
    low = name.strip("_").lower()
    return bool(_UPSTREAM.fullmatch(low)) and not _NOT_UPSTREAM.fullmatch(low)


def is_cache_name(name: str) -> bool:
    """Whether an argument of this name is what the forward kept."""
    return bool(_CACHE.fullmatch(name.strip("_").lower()))


def is_output_name(name: str) -> bool:
    """Whether an argument of this name is the forward's output."""
    return bool(_OUTPUT.fullmatch(name.strip("_").lower()))


def is_rate_name(name: str) -> bool:
    """Whether an argument or attribute of this name is a learning rate."""
    return bool(_RATE.fullmatch(name.strip("_").lower()))


def is_target_name(name: str) -> bool:
    """Whether an argument of this name is what a loss compares with."""
    return bool(_TARGET.fullmatch(name.strip("_").lower()))


def is_prediction_name(name: str) -> bool:
    """Whether an argument of this name is what a loss judges."""
    return bool(_PREDICTION.fullmatch(name.strip("_").lower()))


def is_data_name(name: str) -> bool:
    """Whether an argument of this name is data that nobody asks a gradient for."""
    return bool(_DATA.fullmatch(name.strip("_").lower()))


def looks_like_parameter(name: str) -> bool:
    """Whether an attribute or key of this name is commonly a trained array."""
    bare = name.strip("_")
    return bool(_PARAMETER.fullmatch(bare)) and not _NOT_PARAMETER.fullmatch(bare.lower())


def is_buffer_name(name: object) -> bool:
    """Whether an attribute of this name is commonly kept beside the trained arrays: a running mean, a mask, a state."""
    return bool(_BUFFER.fullmatch(str(name).strip("_").lower()))


def gradient_label(name: str) -> str:
    """What to call the gradient of ``name`` where the user's code has no word for it: layers[0].W -> layers[0].dW."""
    last = _LAST_WORD.fullmatch(name)
    return f"{last[1]}d{last[2]}{last[3]}" if last else f"d{name}"


@_remembered
def gradient_bases(key: str) -> tuple[str, ...]:
    """What ``key`` may be the gradient of: "dLdW" -> ("W", "LdW"), "W_grad" -> ("W",)."""
    bare = key.strip("_")
    found = []
    for prefix in _PREFIXES:
        match = prefix.match(bare)
        if match and match.end() < len(bare):
            found.append(bare[match.end() :])
    for suffix in _SUFFIXES:
        match = re.search(suffix.pattern + "$", bare, re.IGNORECASE)
        if match and match.start() > 0:
            found.append(bare[: match.start()])
    return tuple(dict.fromkeys(found))


@_remembered
def normal_forms(name: str) -> tuple[str, str, str, str]:
    """``name`` made comparable, ever more loosely: as it is, without case, without underscores, by its meaning."""
    folded = name.strip("_").lower()
    squeezed = folded.replace("_", "")
    number = re.search(r"_?\d*$", folded)
    stem, tail = (folded[: number.start()], number.group().strip("_")) if number else (folded, "")
    meaning = next((word for pattern, word in _ALIASES if pattern.fullmatch(stem)), stem.replace("_", ""))
    return name, folded, squeezed, meaning + tail


def match_names(names: Sequence[str], keys: Sequence[str], *, plain: bool = True) -> dict[str, str]:
    """Which key holds the gradient of which name, each at most once; pairs that are not unique are left out.

    Args:
        names: what gradients are wanted of ("W").
        keys: what was found ("dW", "grad_W", "W_grad").
        plain: whether a key may simply be the name itself, as in ``grads["W"]``.
    """
    return dict(_matched(tuple(names), tuple(keys), plain))


@_remembered
def _matched(names: tuple[str, ...], keys: tuple[str, ...], plain: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for level in range(4):
        offers: dict[str, list[str]] = {}
        for key in keys:
            if key in found.values():
                continue
            bases = ((key,) if plain else ()) + gradient_bases(key)
            for form in dict.fromkeys(normal_forms(base)[level] for base in bases):
                offers.setdefault(form, []).append(key)
        wanted: dict[str, list[str]] = {}
        for name in names:
            if name not in found:
                wanted.setdefault(normal_forms(name)[level], []).append(name)
        for form, candidates in wanted.items():
            matching = [key for key in offers.get(form, []) if key not in found.values()]
            if len(candidates) == 1 and len(matching) > 1:
                # "dx" and "x" both there: the marked one is the gradient
                matching = [key for key in matching if normal_forms(key)[level] != form] or matching
            if len(candidates) == 1 and len(matching) == 1:
                found[candidates[0]] = matching[0]
    return found
