"""`simpul engine`: drives applications."""

import typer


def engine() -> None:
    """Drive applications: waves, requests, timers, recovery. Several may run."""
    from simpul import config, telemetry  # noqa: PLC0415  # help must cost nothing
    from simpul.commands.signals import stop_event  # noqa: PLC0415
    from simpul.engine.process import run  # noqa: PLC0415

    settings = config.load()
    telemetry.configure("engine", log_format=settings.log_format, level=settings.log_level)
    if settings.metrics_port:
        telemetry.serve_metrics(settings.metrics_port)
    run(settings, stop_event())


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(engine)
