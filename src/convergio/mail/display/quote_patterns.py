"""How mail programs introduce what they quote, in the languages they speak. Data only."""

import re

# `On Tue, Ann wrote:`. Each row: how the line begins (may be empty) and how it ends, before the colon.
_ATTRIBUTIONS = (
    ("On", "wrote"),
    ("", "wrote"),
    ("Am", "schrieb"),
    ("", "schrieb"),
    ("Le", "(a )?écrit"),
    ("El", "escribió"),
    ("Il", "ha scritto"),
    ("Em", "escreveu"),
    ("A", "va escriure"),
    ("Op", "schreef"),
    ("", "heeft het volgende geschreven"),
    ("Den", "skrev"),
    ("", "skrev"),
    ("På", "skrev"),
    ("", "kirjoitti"),
    ("Dnia|W dniu", "napisał(a|\\(a\\))?"),
    ("", "napisał(a|\\(a\\))?"),
    ("Dne", "napsala?(\\(a\\))?"),
    ("Dňa", "napísala?(\\(a\\))?"),
    ("Dana", "je napisa(o|la|o/la)"),
    ("", "ezt írta|írta"),
    ("În|Pe", "a scris"),
    ("", "написала?(\\(а\\))?|пишет|писала?"),
    ("", "написав(ла)?|пише"),
    ("На", "написа"),
    ("Στις", "έγραψε"),
    ("", "şunu yazdı|yazdı"),
    ("Pada", "menulis"),
    ("Vào", "đã viết"),
    ("", "כתב/ה|כתבה|כתב|מאת"),
    ("", "كتب(ت)?"),
    ("", "ने लिखा"),
    ("", "写道|寫道"),
    ("", "のメール|作成|wrote"),
    ("", "님이 작성|작성"),
    ("", "เขียนว่า"),
)

# A date, a clock time or an address must stand in the line, or prose that ends in "wrote:" would be cut.
_EVIDENCE = r"(?=.{0,300}(\d{1,2}[:.h]\d{2}|\b\d{4}\b|\d{1,2}[./-]\d{1,2}|[^\s@]+@[^\s@]+|\d年|\d년))"
_WORDS = "|".join(
    (rf"(?:{start})\b.{{1,300}}\b(?:{end})" if start else rf".{{1,300}}(?:{end})")
    for start, end in _ATTRIBUTIONS
)
ATTRIBUTION = re.compile(
    rf"^[ \t>*_-]*{_EVIDENCE}(?:{_WORDS})[^\w\n]{{0,5}}(?:<[^<>\n]{{1,200}}>)?\s*[:：]\s*$", re.IGNORECASE
)

DATED = re.compile(_EVIDENCE)
OPENING = re.compile(
    rf"^[ \t>*_-]*(?:{'|'.join(start for start, _ in _ATTRIBUTIONS if start)})\b", re.IGNORECASE
)

# `-----Original Message-----` and its translations. Forwards are not here: what is forwarded is the content.
ORIGINAL_MESSAGE = re.compile(
    r"^[ \t>]*[-_*=]{2,}\s*("
    r"original message|reply message|original appointment|ursprüngliche nachricht|originalnachricht"
    r"|message d'origine|message original|mensaje original|messaggio originale|mensagem original"
    r"|oorspronkelijk bericht|originalmeddelande|ursprungligt meddelande|oprindelig meddelelse"
    r"|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva"
    r"|pôvodná správa|eredeti üzenet|mesaj original|исходное сообщение|пересылаемое сообщение|вихідне повідомлення"
    r"|αρχικό μήνυμα|özgün ileti|orijinal mesaj|הודעה מקורית|الرسالة الأصلية"
    r"|原始邮件|原始郵件|原邮件|元のメッセージ|원본 메시지|tin nhắn gốc|pesan asli"
    r")\s*[-_*=]{2,}\s*$",
    re.IGNORECASE,
)

# Outlook quotes with a block of header lines; each language names From, then Sent or Date, To, Subject.
_FROM = (
    "from|von|de|da|van|från|fra|lähettäjä|od|feladó|от"
    "|від|από|kimden|gönderen|מאת|من|发件人|發件人|寄件者|差出人|보낸 사람"
)
_OTHERS = (
    "sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado( el)?|enviada( em)?|fecha|para|asunto"
    "|data|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|lähetetty|aihe"
    "|wysłano|do|temat|odesláno|komu|předmět|odoslané|predmet|elküldve|címzett|tárgy|trimis|către|subiect"
    "|отправлено|дата|кому|тема|надіслано|στάλθηκε|προς|θέμα|tarih|kime|konu|נשלח|אל|נושא|تاريخ|إلى|الموضوع"
    "|发送时间|日期|收件人|主题|傳送時間|收件者|主旨|送信日時|宛先|件名|보낸 날짜|받는 사람|제목"
)
HEADER_FROM = re.compile(rf"^[ \t>*]*(?:{_FROM})\s*\*?\s*[:：]\s*\*?.+", re.IGNORECASE)
HEADER_OTHER = re.compile(rf"^[ \t>*]*(?:{_OTHERS})\s*\*?\s*[:：]", re.IGNORECASE)

SIGNATURE = re.compile(r"^(-- ?|__+|—|--- ?)$")
MOBILE_SIGNATURE = re.compile(
    r"^(sent from|get outlook for|von mein|envoyé de|enviado desde|enviado do|inviato da|verstuurd vanaf"
    r"|skickat från|отправлено с|发自我的|iphoneから送信|wysłane z)",
    re.IGNORECASE,
)
SEPARATOR = re.compile(r"^[ \t]*[_\-=*]{5,}[ \t]*$")
