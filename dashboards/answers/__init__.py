"""What a screen and a comparison say, in sentences: one wording for report, page and terminal, in English and German.

The catalogues `words/en.json` and `words/de.json` have the same keys and may be served to a browser as they are. `{name}` in a
text stands for a value. A code that is newer than the catalogue is shown as words, so that nothing is left out.
`written` has what the program itself writes into a summary.
"""

from dashboards.answers.catalogue import LANGUAGES, WORDS, system_language
from dashboards.answers.document import answer_of
from dashboards.answers.sentences import SLOPES, Sentences, sentences
from dashboards.answers.written import all_said_in, said_in

__all__ = ["LANGUAGES", "SLOPES", "WORDS", "Sentences", "all_said_in", "answer_of", "said_in", "sentences", "system_language"]
