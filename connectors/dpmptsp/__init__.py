"""DPMPTSP, the district's one-stop office for permits."""
