"""A believable agency's knowledge base of twenty documents, and what people ask it.

Thirteen documents are the demo's; seven more make it harder, because they use the same words for other things.
"""

from __future__ import annotations

from typing import NamedTuple

from convergio.site.demo.documents import DemoDocument, demo_documents

_MORE = [
    DemoDocument(
        None,
        "Complaints",
        "If something went wrong, tell Rhea Kapoor directly. She answers complaints herself within one week and keeps "
        "a note of what was changed.\n\nWhoever is not content with that can ask for a talk with an ombudsperson.",
    ),
    DemoDocument(
        None,
        "Jobs",
        "## Open positions\n\nWe are looking for a video editor with three years of practice. Permanent staff "
        "have insurance and 24 days of leave.\n\n## Interviews\n\nThere are two rounds: a phone talk and a trial day.",
    ),
    DemoDocument(
        "partners",
        "Brand safety",
        "We do not work for gambling, tobacco, alcohol or loan apps.\n\nCreators may turn down any campaign without "
        "giving a reason. Claims about health need a study that we can link to.",
    ),
    DemoDocument(
        "partners",
        "Affiliate and barter deals",
        "Barter, where a product is given instead of money, is only done for products worth ₹50,000 or more.\n\n"
        "Affiliate links are welcome on top of a fee. The usual share is 8 % of each sale.",
    ),
    DemoDocument(
        "support",
        "Gift cards",
        "Gift cards are sold for ₹500, ₹1,000 and ₹2,500. They arrive by mail within an hour and are valid for three "
        "years.\n\nA card cannot be paid out. Lost codes are sent again when we have the order number.",
    ),
    DemoDocument(
        "support",
        "Account and password",
        "To get a new password use the link under the sign-in form of the shop. The mail comes within a few minutes; "
        "look into the spam folder too.\n\nAfter ten wrong tries the account is locked for an hour.",
    ),
    DemoDocument(
        "info",
        "Renting the studio",
        "The studio can be rented by the half day for ₹9,000. Lights, two cameras and a sound booth are included, an "
        "operator costs ₹3,500 more.\n\nA booking is held for 48 hours without payment.",
    ),
]


class Asked(NamedTuple):
    """A mail to an inbox and the document that answers it; None when none does."""

    inbox: str
    text: str
    document: str | None


def documents() -> list[DemoDocument]:
    """All twenty."""
    return [*demo_documents(), *_MORE]


ANSWERABLE = [
    Asked(
        "hello",
        "Internship in July\nDear team, I study media in Nagpur. When does the next internship start and how "
        "do I apply? Best wishes, Kavya",
        "Internships",
    ),
    Asked("hello", "Do you pay your interns? I could start in January.", "Internships"),
    Asked("hello", "Is a remote intership possible?", "Internships"),
    Asked(
        "hello",
        "Question about commission\nHi, I have 80,000 followers. What percentage do you take from creators and "
        "how long does the contract run?",
        "Joining as a creator",
    ),
    Asked(
        "hello",
        "I would like to be represented by you. My channel has 45k subscribers, do I fit?",
        "Joining as a creator",
    ),
    Asked("hello", "Where is your office and can I drop by on Friday afternoon?", "About Saffron Talent"),
    Asked("hello", "Who is Rea Kapor and what does she do?", "About Saffron Talent"),
    Asked("hello", "Please delete all data that you have about me.", "Privacy and your data"),
    Asked("hello", "How do I unsubscribe from the newsletter?", "Privacy and your data"),
    Asked("hello", "I am a video editor with five years of practice, are there open positions?", "Jobs"),
    Asked(
        "partners",
        "Rates for a short\nHello, we are a tea brand from Assam. How much would one vertical short cost, "
        "and is there a discount if we book three videos?",
        "Rates for brand partnerships",
    ),
    Asked(
        "partners",
        "Could we use the video in paid ads for two months? What would that cost?",
        "Rates for brand partnerships",
    ),
    Asked(
        "partners",
        "Our competitor must not appear with the same creator for a quarter. What does exclusivity cost?",
        "Rates for brand partnerships",
    ),
    Asked(
        "partners", "How long does it take from briefing until the video is published?", "How a campaign runs"
    ),
    Asked(
        "partners",
        "We may have to cancel the campaign after the script. What are the fees?",
        "How a campaign runs",
    ),
    Asked(
        "partners", "Which numbers do we get in the report after the video went live?", "How a campaign runs"
    ),
    Asked(
        "partners",
        "Your invoice 2214: we are a company in Germany, is there GST on it?",
        "Invoices and payments",
    ),
    Asked("partners", "Can we pay the invoice two weeks later?", "Invoices and payments"),
    Asked("partners", "Would one of your creators work with our betting or gambling app?", "Brand safety"),
    Asked(
        "partners",
        "We have no budget but could offer a product as barter instead of money.",
        "Affiliate and barter deals",
    ),
    Asked(
        "info",
        "I write for the Daily Lantern. Can I interview Ms Kapoor next week, and may I use your logo?",
        "Press and speaking",
    ),
    Asked(
        "info",
        "Our college would like to invite a speaker for its festival. What is the fee?",
        "Press and speaking",
    ),
    Asked(
        "info",
        "Can two of us still come to the meetup on Saturday? Is there a lift?",
        "Creator Meetup and studio tours",
    ),
    Asked(
        "info",
        "I teach at a school in Satara, could my class of 22 pupils visit the studio?",
        "Creator Meetup and studio tours",
    ),
    Asked("info", "What does it cost to rent the studio for half a day with cameras?", "Renting the studio"),
    Asked(
        "support",
        "Where is my parcel?\nOrder SF-10382, the tracking has not moved for nine days.",
        "Shop orders and shipping",
    ),
    Asked(
        "support", "Do you deliver to Singapore and how long does shipping take?", "Shop orders and shipping"
    ),
    Asked(
        "support",
        "I typed the wrong address in my order from this morning, can you change it?",
        "Shop orders and shipping",
    ),
    Asked(
        "support",
        "I want to return the hoodie, it is too small. Who pays for the way back?",
        "Returns and refunds",
    ),
    Asked("support", "When do I get my refnd? You received the parcel on Monday.", "Returns and refunds"),
    Asked("support", "My mug arrived damaged. I attached a photo.", "Returns and refunds"),
    Asked(
        "support",
        "I cannot come to the workshop next week, do I get the ticket money back?",
        "Returns and refunds",
    ),
    Asked("support", "Which size should I take if I am between M and L?", "Sizes and care"),
    Asked("support", "Can the shirt go into the dryer?", "Sizes and care"),
    Asked("support", "I lost the code of my gift card, can you send it again?", "Gift cards"),
    Asked("support", "I forgot my passwrd and the mail does not come.", "Account and password"),
    Asked("support", "क्या मैं ऑर्डर की वापसी कर सकता हूँ?", "Sizes and care"),
    Asked(
        "neo",
        "Is there a free place? I cannot pay the 12,000 but I would love to take part.",
        "The Neo programme",
    ),
    Asked("neo", "What happens if I miss two evenings because of my exams?", "The Neo programme"),
    Asked("neo", "Hi Dev, do I need a real camera for the course or is a phone enough?", "The Neo programme"),
]

UNANSWERABLE = [
    Asked("hello", "Do you know a good dentist near Shivajinagar?", None),
    Asked(
        "hello",
        "Your website is built with an old framework. We offer search engine optimisation from $99.",
        None,
    ),
    Asked("hello", "Happy birthday to the best boss in the world!", None),
    Asked("partners", "Lunch on Thursday?", None),
    Asked("info", "What is the capital of Mongolia?", None),
    Asked("support", "The elevator music in your lobby is wonderful, which band is it?", None),
    Asked("support", "asdf qwer zxcv", None),
    Asked("support", "Thanks a lot, that helped!", None),
    Asked("neo", "ありがとうございました。", None),
    Asked("neo", "🙂", None),
]
