"""The live page's side of a session: what its pages are told, and how they are opened. `dashboards.live_page` serves them."""
