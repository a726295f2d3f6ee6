"""Events of the calendar, from people, Cal.com and mail. It knows nothing of how mail is fetched."""
