"""Notices to citizens, through a WhatsApp and SMS gateway and a mail server."""
