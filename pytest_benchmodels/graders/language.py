"""A check of the language that an answer is written in."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.graders.extras import FromExtra
from pytest_benchmodels.graders.normalization import fold, right, shown, without_emphasis, wrong

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["CHECKS", "LANGUAGES", "Language"]

LANGUAGES = frozenset(
    (  # noqa: SIM905 - as a list they fill two screens
        "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr "
        "fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko "
        "ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru "
        "rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo "
        "yue zh zu zxx"
    ).split()
)
"""The languages that py3langid tells apart, by their ISO 639 codes."""

_USUAL = tuple(sorted(code for code in LANGUAGES if len(code) == 2))
"""The others are near kin of these (Extremaduran, Wu Chinese): of a short text that would be a guess."""

_Code = Annotated[str, Meta(min_length=1)]
_READ = 20_000
"""So many characters of an answer are looked at: a language is told by far fewer."""

# What is written in no language, or in another than the words around it.
_NO_WORDS = re.compile(r"(?:```|~~~).{0,20000}?(?:```|~~~|\Z)|`[^`\n]{0,300}`|https?://\S{1,2000}", re.DOTALL)


class Language(FromExtra, frozen=True):
    """The answer is written in this language, or in one of these: codes such as `en`, `de`, `zh`.

    Code, addresses and numbers in it do not count. The likeliest language has to be one of these, and likely by at
    least `min`. `among` are the only languages that come into question, which helps with short answers; without it
    these, and all that have a code of two letters.
    """

    language: _Code | Annotated[tuple[_Code, ...], Meta(min_length=1)]
    min: Annotated[float, Meta(ge=0, le=1)] = 0
    among: tuple[_Code, ...] = ()

    package: ClassVar[str] = "py3langid"
    extra: ClassVar[str] = "language"

    def __post_init__(self) -> None:
        FromExtra.__post_init__(self)
        for code in (*self._wanted, *self.among):
            if code not in LANGUAGES:
                rule = "it is an ISO 639 code in small letters, such as en, de or zh"
                raise ValueError(f"language {quote(code)} is not known: {rule}{nearest(code, LANGUAGES)}")
        left_out = next((code for code in self._wanted if self.among and code not in self.among), None)
        if left_out is not None:
            raise ValueError(f"language {quote(left_out)} is not `among` those that come into question: add it there")

    def grade(self, response: Response) -> Grade:
        """Find the likeliest language. Of an answer without words neither the check nor its opposite is satisfied."""
        text = _words(response.text)
        told = " or ".join(self._wanted)
        if not any(map(str.isalpha, text)):
            said = f"expected {told}, but there are no words in {shown(response.text)}"
            return Grade(0.0, passed=False, explanation=said, undecided=True)
        ranked = _ranked(text, self.among or (*_USUAL, *self._wanted))
        likeliest = max(ranked, key=ranked.__getitem__)
        read = f"{likeliest} ({ranked[likeliest]:.2f})"
        if likeliest not in self._wanted:
            return wrong(f"expected {told}, got {read}: {shown(response.text)}")
        if ranked[likeliest] < self.min:
            return wrong(f"expected {told} by at least {self.min:g}, got {read}: {shown(response.text)}")
        return right(f"is {read}")

    def example(self) -> str | None:
        return next((_EXAMPLES[code] for code in self._wanted if code in _EXAMPLES), None)

    @property
    def _wanted(self) -> tuple[str, ...]:
        return (self.language,) if isinstance(self.language, str) else self.language


def _words(text: str) -> str:
    return without_emphasis(fold(_NO_WORDS.sub(" ", text[:_READ])))


def _ranked(text: str, among: tuple[str, ...]) -> Mapping[str, float]:
    """How likely each language is; together 1."""
    found: dict[str, float] = dict(_identifier.get().rank(text))
    likely = {code: found[code] for code in among}
    whole = sum(likely.values())
    return {code: each / whole if whole else 1 / len(likely) for code, each in likely.items()}


class _Identifier:
    """The model, which is loaded once, when the first answer is judged: a second, and 90 MB."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: LanguageIdentifier | None = None

    def get(self) -> Any:
        with self._lock:
            if self._loaded is None:
                from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - an extra, see above

                self._loaded = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            return self._loaded


_identifier = _Identifier()

_EXAMPLES = {
    "ar": "هذه إجابة قصيرة باللغة العربية.",
    "cs": "Toto je krátká odpověď v českém jazyce.",
    "da": "Dette er et kort svar på det danske sprog, og det er ikke svært at læse.",
    "de": "Das ist eine kurze Antwort in deutscher Sprache.",
    "el": "Αυτή είναι μια σύντομη απάντηση στα ελληνικά.",
    "en": "This is a short answer in the English language.",
    "es": "Esta es una respuesta breve en español.",
    "fi": "Tämä on lyhyt vastaus suomen kielellä.",
    "fr": "Ceci est une courte réponse en français.",
    "he": "זוהי תשובה קצרה בעברית.",
    "hi": "यह हिन्दी भाषा में एक छोटा उत्तर है।",
    "hu": "Ez egy rövid válasz magyar nyelven.",
    "it": "Questa è una breve risposta in italiano.",
    "ja": "これは日本語の短い答えです。",
    "ko": "이것은 한국어로 된 짧은 대답입니다.",
    "nl": "Dit is een kort antwoord in het Nederlands.",
    "pl": "To jest krótka odpowiedź w języku polskim.",
    "pt": "Esta é uma resposta curta em língua portuguesa.",
    "ro": "Acesta este un răspuns scurt în limba română.",
    "ru": "Это короткий ответ на русском языке.",
    "sv": "Detta är ett kort svar på svenska språket.",
    "th": "นี่คือคำตอบสั้น ๆ เป็นภาษาไทย",
    "tr": "Bu, Türkçe dilinde kısa bir cevaptır.",  # noqa: RUF001 - Turkish
    "uk": "Це коротка відповідь українською мовою.",
    "vi": "Đây là một câu trả lời ngắn bằng tiếng Việt.",
    "zh": "这是一个简短的中文回答。",
}
"""An answer in each of the languages that are asked for most."""

CHECKS: tuple[type[Grader], ...] = (Language,)
"""The checks of this family, in the order in which they are told."""
