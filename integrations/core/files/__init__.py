"""Files in and out: tables, texts, PDF, calendars, archives."""

from integrations.core.files.any_files import info, rename
from integrations.core.files.archives import compress, unpack
from integrations.core.files.csv_files import read_csv, write_csv
from integrations.core.files.ics_files import read_ics, write_ics
from integrations.core.files.json_files import read_json, write_json
from integrations.core.files.pdf_files import merge_pdf, read_pdf, split_pdf
from integrations.core.files.text_files import read_text, write_text
from integrations.core.files.xlsx_files import read_xlsx, write_xlsx

NODES = (
    *(read_csv, write_csv, read_xlsx, write_xlsx, read_json, write_json, read_text, write_text),
    *(read_pdf, split_pdf, merge_pdf, read_ics, write_ics, info, rename, compress, unpack),
)
