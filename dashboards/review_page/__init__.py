"""The review page: a stored session in the browser, to look at, to compare, and to correct.

`content` and `traces` make what the page needs from the tables; `routes` serves it. Who may ask is decided by the access
control of the live page; what is corrected, by whoever implements `Reviewed` (`hiphinge.afterwards.reviewing`).
"""

from dashboards.review_page.content import session_document
from dashboards.review_page.routes import Refusal, Reviewed, routes

__all__ = ["Refusal", "Reviewed", "routes", "session_document"]
