"""Files in and out: CSV, XLSX, JSON."""

from integrations.core.files.csv_files import read_csv, write_csv
from integrations.core.files.json_files import read_json, write_json
from integrations.core.files.xlsx_files import read_xlsx, write_xlsx

NODES = (read_csv, write_csv, read_xlsx, write_xlsx, read_json, write_json)
