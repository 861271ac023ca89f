"""Reads digests with markdown-it (CommonMark with HTML and bare links on): they hold only words, bold, code, a list."""

import markdown_it

import corpus

ALLOWED = {"paragraph_open", "paragraph_close", "bullet_list_open", "bullet_list_close", "list_item_open",
           "list_item_close", "inline", "text", "strong_open", "strong_close", "code_inline", "text_special"}


def main():
    reader = markdown_it.MarkdownIt("gfm-like", {"html": True, "linkify": True})
    # Bare host names and addresses without scheme are no links in CommonMark or on forges.
    reader.linkify.set({"fuzzy_link": False, "fuzzy_ip": False, "fuzzy_email": True})
    checked = 0
    for name, _, _, folder in corpus.each():
        for lang in ("en", "zh"):
            text = (folder / f"{lang}.md").read_text()
            assert len(text.splitlines()) <= 25, (name, lang)
            for token in reader.parse(text):
                for inner in [token, *(token.children or [])]:
                    assert inner.type in ALLOWED, (name, lang, inner.type, inner.content)
            checked += 1
    print(f"{checked} passed, 0 failed")


main()
