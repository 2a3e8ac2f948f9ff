"""Search for Chinese without a dictionary: every two neighbouring characters are a word.

Sphinx's own needs jieba for the index, and its page does not split what is typed. Pairs are what
search engines take for Chinese where there is no dictionary: a longer word is found by its pairs.
"""

from __future__ import annotations

import re

from sphinx.search.en import SearchEnglish

_RUN = re.compile(r"[\u3400-\u9fff]+|\w[\w.-]*", re.ASCII)


class ChineseSearch(SearchEnglish):
    """Words of Latin letters as in English, pairs of Chinese characters."""

    lang = "zh"
    language_name = "English"  # that of the stemmer: the page looks for it under this name
    js_splitter_code = r"""
function splitQuery(query) {
  const runs = query.match(/[\u3400-\u9fff]+|[A-Za-z0-9_][A-Za-z0-9_.-]*/g) || [];
  return runs.flatMap((run) => {
    if (!/[\u3400-\u9fff]/.test(run) || run.length === 1) return [run];
    return Array.from({ length: run.length - 1 }, (_, i) => run.slice(i, i + 2));
  });
}
"""

    def split(self, input: str) -> list[str]:
        """Return the words of a text; of Chinese single characters and pairs."""
        return [
            word for run in _RUN.findall(input) for word in (_pairs(run) if run[0] >= "\u3400" else [run])
        ]

    def word_filter(self, word: str) -> bool:
        """Take any Chinese, and of English what is no stop word."""
        return word[0] >= "\u3400" or super().word_filter(word)


def _pairs(run: str) -> list[str]:
    return [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
