"""Text for citizens, in Indonesian and English."""

from schemas.base import Filled, Part


class Text(Part):
    """The same sentence in both languages."""

    id: Filled
    en: Filled
