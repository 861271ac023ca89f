"""Reads workbooks with openpyxl: dates are dates, texts are texts, headings stay in view, filters are there."""

import datetime
import zipfile

import openpyxl

import corpus

DATES = {"First call", "Last call", "First seen", "Decided", "First use", "Last use", "Created", "Expires",
         "Last call covered", "Date"}
NUMBERS = {"Succeeded", "Failed", "Calls since decided", "Call records", "Calls covered", "Outside addresses",
           "Actions", "Number"}


def check_sheet(sheet):
    assert sheet.freeze_panes == "B2", sheet.freeze_panes
    last = sheet.cell(1, sheet.max_column).column_letter
    assert sheet.auto_filter.ref.startswith(f"A1:{last}"), sheet.auto_filter.ref
    assert sheet.max_row <= 1_048_576
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.data_type != "f", (sheet.title, cell.coordinate)
            assert cell.hyperlink is None
            if isinstance(cell.value, str):
                assert cell.data_type == "s" and len(cell.value.encode("utf-16-le")) // 2 <= 32_767
                if cell.value.lstrip()[:1] in "=+-@＝" and cell.value.strip():
                    assert cell.quotePrefix, (sheet.title, cell.coordinate)


def check_types(book, report):
    for sheet in book:
        heads = [cell.value for cell in sheet[1]]
        for row in sheet.iter_rows(min_row=2):
            for head, cell in zip(heads, row):
                if cell.value is not None and head in DATES and sheet.title != "Coverage":
                    assert cell.is_date and isinstance(cell.value, datetime.datetime), (sheet.title, cell.coordinate)
                if cell.value is not None and head in NUMBERS:
                    assert isinstance(cell.value, int), (sheet.title, cell.coordinate)
    alarms = book["Alarms"]
    heads = [cell.value for cell in alarms[1]]
    first = alarms.cell(2, heads.index("Last call") + 1).value
    wanted = datetime.datetime.fromisoformat(report["alarms"][0]["last_call"]).replace(tzinfo=None)
    assert first == wanted, (first, wanted)
    assert alarms.max_row == len(report["alarms"]) + 1
    assert book["Call records"].max_row == sum(len(alarm["records"]) for alarm in report["alarms"]) + 1
    made = datetime.datetime.fromisoformat(report["generated"]).astimezone(datetime.UTC).replace(tzinfo=None)
    assert book.properties.created == made, book.properties.created


def shown(text):
    """The text as a cell shows it."""
    acts = lambda c: (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c == "\u202e"
    return "".join("\ufffd" if acts(c) else c for c in text.replace("\r\n", "\n"))


def check_parts(path):
    parts = zipfile.ZipFile(path)
    assert parts.testzip() is None
    for name in parts.namelist():
        assert "hyperlink" not in name.lower() and "externalLink" not in name
        body = parts.read(name)
        if name.startswith("xl/worksheets/"):
            assert b"<f>" not in body and b"<f " not in body and b"hyperlink" not in body.lower()


def main():
    checked = 0
    for name, text, report, folder in corpus.each():
        for lang in ("en", "zh"):
            path = folder / f"{lang}.xlsx"
            check_parts(path)
            book = openpyxl.load_workbook(path)
            assert len(book.sheetnames) == 6, book.sheetnames
            for sheet in book:
                check_sheet(sheet)
            if text is None and lang == "en":
                check_types(book, report)
            if text and len(text) < 1000 and "\ufffe" not in text:
                # openpyxl reads back what was written; it undoes _xHHHH_ as Excel does.
                cells = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row}
                assert shown(text) in cells, (name, lang)
            if text and len(text) > 1000 and lang == "en":
                assert any("was cut" in str(cell.value) for cell in book["Coverage"]["B"]), name
            checked += 1
    print(f"{checked} passed, 0 failed")


main()
