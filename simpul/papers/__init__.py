"""What is written to citizens, from templates: notices in two languages, and documents as PDF.

A template's words go into the workflow's definition when its file is imported: the engine reads them from the ledger, like
the steps, and needs no files. They may be corrected within a version; which values they take may not.
"""
