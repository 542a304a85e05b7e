"""BKN, the civil service agency (Badan Kepegawaian Negara): SIASN, which the regional BKD use as well."""
