"""How automatic senders call themselves, and how absence is announced, in the languages people write in."""

import re

from convergio.mail.parsing.types import Address

# Compared with the local part, letters only: no-reply, no_reply, noreply.eu and noreply+123 are all `noreply`.
_SYSTEM_NAMES = (
    "mailerdaemon", "maildaemon", "postmaster", "noreply", "donotreply", "dontreply", "noresponse", "nobody",
    "neantworten", "nichtantworten", "keineantwort", "bittenichtantworten", "noresponder", "nepasrepondre",
    "naoresponda", "nonrispondere", "nieodpowiadac", "autoreply", "autoresponder", "bounce", "devnull",
)  # fmt: skip
_LOCAL = re.compile(
    r"^(owner-.+|.+-(owner|request|bounces?|return|confirm)|(bounces?|return|prvs|srs[01])[-+=._].+)$"
)
_NOT_LETTERS = re.compile(r"[^a-z]")

_REPLY_PREFIX = re.compile(r"^\s*((re|aw|sv|antw|odp|r|res|tr|ynt|vs)\s*(\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_ABSENT = re.compile(
    r"""out[ ]of[ ](the[ ])?office | automatic[ ]reply | auto(matic)?[ -]?(reply|response) | autoreply | on[ ]vacation
    | away[ ]from[ ](my[ ])?(desk|office|e-?mail) | on[ ](annual|parental|maternity|sick)[ ]leave
    | abwesen(d|heit) | automatische[ ]antwort | nicht[ ]im[ ]b(ü|ue)ro | im[ ]urlaub
    | absen(t|ce)[ ](du|de|du[ ]bureau) | absence\b | r(é|e)ponse[ ]automatique | message[ ]d'absence
    | respuesta[ ]autom(á|a)tica | fuera[ ]de[ ](la[ ])?oficina | ausente | ausencia
    | risposta[ ]automatica | fuori[ ](sede|ufficio) | assente | assenza
    | resposta[ ]autom(á|a)tica | fora[ ]do[ ]escrit(ó|o)rio | aus(ê|e)ncia
    | automatisch[ ]antwoord | afwezig | niet[ ]aanwezig
    | autosvar | automatisk[ ]svar | fr(å|a)nvarande | frav(æ|ae)r | ikke[ ]p(å|a)[ ]kontoret
    | automaattinen[ ]vastaus | poissa(olo)?\b
    | automatyczna[ ]odpowied(ź|z) | nieobecno(ść|sc) | poza[ ]biurem
    | automatick(á|a)[ ]odpov(ě|e)(ď|d) | nep(ř|r)(í|i)tomn | mimo[ ]kancel(á|a)(ř|r)
    | automatikus[ ]v(á|a)lasz | h(á|a)zon[ ]k(í|i)v(ü|u)l | r(ă|a)spuns[ ]automat
    | otomatik[ ](yan(ı|i)t|cevap) | ofis[ ]d(ı|i)(ş|s)(ı|i)nda
    | автоответ | автоматический[ ]ответ | вне[ ]офиса | отсутств | автоматична[ ]відповідь
    | αυτόματη[ ]απάντηση | εκτός[ ]γραφείου | תשובה[ ]אוטומטית | מענה[ ]אוטומטי | رد[ ]تلقائي | خارج[ ]المكتب
    | 自动(回复|答复) | 自動(回覆|返信|応答) | 不在 | 外出 | 자동[ ]?(회신|응답) | 부재[ ]?중
    | trả[ ]lời[ ]tự[ ]động | balasan[ ]otomatis | ตอบกลับอัตโนมัติ | स्वचालित[ ](उत्तर|जवाब)""",
    re.IGNORECASE | re.VERBOSE,
)


def is_automatic_sender(sender: Address) -> bool:
    """Whether an address is of a kind that nobody reads (rule 34)."""
    local = sender.local_part
    letters = _NOT_LETTERS.sub("", local)
    return letters.startswith(_SYSTEM_NAMES) or "noreply" in letters or _LOCAL.match(local) is not None


def looks_out_of_office(subject: str) -> bool:
    """Whether a subject announces an absence. People write such words too: a supporting sign only (rule 35)."""
    return _ABSENT.search(_REPLY_PREFIX.sub("", subject)[:200]) is not None
