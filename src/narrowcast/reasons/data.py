"""Codes of rows: reading, cleaning and preparing them."""

from __future__ import annotations

from narrowcast.reasons.reason import Reason, Severity, StageName

_I = StageName.INGESTION
_C = StageName.CLEANING
_P = StageName.PREPARE
_INFO, _WARN, _ERR = Severity.INFO, Severity.WARNING, Severity.ERROR

DATA: dict[str, Reason] = {
    # ingestion
    "dataset_import_run": Reason(_I, _INFO, "rows were imported"),
    "dataset_import_failed": Reason(
        _I,
        _ERR,
        "an import failed; nothing was stored",
        "narrowcast data import --locator SCHEME:PATH --dry-run",
    ),
    "dataset_source_missing": Reason(
        _I,
        _ERR,
        "there is no file, folder, sheet, table or object of this name",
        "narrowcast data sources",
    ),
    "dataset_source_empty": Reason(
        _I, _ERR, "a source holds no rows", "narrowcast data introspect --locator SCHEME:PATH"
    ),
    "dataset_source_damaged": Reason(
        _I,
        _ERR,
        "a source cannot be read: it is damaged, encrypted or not permitted",
        "narrowcast data introspect --locator SCHEME:PATH",
    ),
    "dataset_source_unreachable": Reason(
        _I, _ERR, "a server, database or hub refuses or does not answer", "narrowcast doctor"
    ),
    "dataset_source_too_large": Reason(
        _I,
        _ERR,
        "a source, or what it unpacks to, is larger than can be read whole",
        "narrowcast data introspect --locator SCHEME:PATH",
    ),
    "dataset_format_unknown": Reason(
        _I, _ERR, "a file has no format that can be read", "narrowcast data sources"
    ),
    "dataset_encoding_unknown": Reason(
        _I,
        _ERR,
        "the encoding of a text is not known, or two are mixed",
        "narrowcast data introspect --locator SCHEME:PATH",
    ),
    "dataset_records_unreadable": Reason(
        _I,
        _ERR,
        "not one record of a source can be read",
        "narrowcast data introspect --locator SCHEME:PATH",
    ),
    "dataset_request_invalid": Reason(
        _I,
        _ERR,
        "a locator, a column, a row or an option of an import is wrong",
        "narrowcast data import --help",
    ),
    "dataset_import_forced": Reason(
        _I,
        _WARN,
        "a mapping under 0.80 confidence was forced",
        "narrowcast data introspect --locator SCHEME:PATH",
    ),
    "dataset_import_removed": Reason(_I, _INFO, "an import and its rows were removed"),
    "dataset_import_unknown": Reason(_I, _ERR, "there is no import with this id", "narrowcast data imports"),
    "dataset_import_cancelled": Reason(
        _I,
        _WARN,
        "an import was stopped on request; nothing was stored",
        "narrowcast data import --locator SCHEME:PATH",
    ),
    "dataset_already_imported": Reason(
        _I, _ERR, "these rows are imported already", "narrowcast data imports"
    ),
    "dataset_mapping_uncertain": Reason(
        _I,
        _ERR,
        "no mapping is confident enough to be used",
        "narrowcast data introspect --locator SCHEME:PATH",
    ),
    "dataset_rows_rejected": Reason(
        _I, _ERR, "not one row could be mapped", "narrowcast data import --locator SCHEME:PATH --dry-run"
    ),
    "dataset_rows_forgotten": Reason(
        _I, _WARN, "rows were deleted from every copy in the project", "narrowcast prepare"
    ),
    "dataset_row_unknown": Reason(_I, _ERR, "no row matches, or more than one", "narrowcast data imports"),
    "dataset_row_reviewed": Reason(_I, _INFO, "rows were reviewed by a person"),
    # cleaning
    "cleaning_run": Reason(_C, _INFO, "texts were cleaned"),
    "cleaning_failed": Reason(
        _C,
        _ERR,
        "cleaning failed; nothing was stored",
        "narrowcast data clean --locator SCHEME:PATH --dry-run",
    ),
    "cleaning_request_invalid": Reason(
        _C, _ERR, "an option of a cleaning is wrong", "narrowcast data clean --help"
    ),
    "cleaning_cancelled": Reason(
        _C,
        _WARN,
        "cleaning was stopped on request; nothing was stored",
        "narrowcast data clean --locator SCHEME:PATH",
    ),
    "cleaning_unknown": Reason(
        _C,
        _ERR,
        "the report of a cleaning is missing or damaged",
        "narrowcast data clean --locator SCHEME:PATH",
    ),
    "cleaning_removed": Reason(_C, _INFO, "a cleaning and its files were removed"),
    "cleaning_outlier_threshold_exceeded": Reason(
        _C, _WARN, "more outliers than allowed", "narrowcast data cleanings"
    ),
    "cleaning_pii_block": Reason(
        _C, _ERR, "personal data or secrets block the rows", "narrowcast data clean --help"
    ),
    # prepare
    "prepare_run": Reason(_P, _INFO, "a data-set version was prepared"),
    "prepare_failed": Reason(_P, _ERR, "no data-set version could be prepared", "narrowcast data ledger"),
    "prepare_request_invalid": Reason(
        _P, _ERR, "an option of a comparison of rows is wrong", "narrowcast data dedupe --help"
    ),
    "prepare_source_changed": Reason(
        _P, _ERR, "a source has other rows than when it was first read", "narrowcast data dedupe --help"
    ),
    "prepare_leakage_found": Reason(_P, _ERR, "held-out rows are in the train split", "narrowcast prepare"),
    "dataset_version_unknown": Reason(
        _P, _ERR, "there is no such data-set version", "narrowcast data versions"
    ),
    "prepare_dedupe_run": Reason(_P, _INFO, "rows were compared with each other"),
    "prepare_leakage_audit": Reason(_P, _INFO, "one set of rows was searched for rows of another"),
    "prepare_manifest_missing": Reason(_P, _ERR, "no data set was prepared", "narrowcast prepare"),
    "prepare_split_changed": Reason(
        _P, _ERR, "a prepared file differs from its manifest", "narrowcast prepare --force"
    ),
}
