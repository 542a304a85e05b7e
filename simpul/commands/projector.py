"""`simpul projector`: brings the agencies' answers into the ledger."""

import typer


def projector() -> None:
    """Bring the agencies' answers into the ledger. Several may run: they share the topic's partitions."""
    from simpul import config, telemetry  # noqa: PLC0415  # help must cost nothing
    from simpul.commands.signals import on_stop  # noqa: PLC0415
    from simpul.ledger import connect  # noqa: PLC0415
    from simpul.projector import loop  # noqa: PLC0415

    settings = config.load()
    telemetry.configure("projector", log_format=settings.log_format, level=settings.log_level)
    if settings.metrics_port:
        telemetry.serve_metrics(settings.metrics_port)
    made = loop(settings, connect(settings.database_url))
    on_stop(made.stop)
    made.run()


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(projector)
