"""The ledger's tables. Whatever reads or writes them lives in this package; the rules of change in `transitions`.

Times are UTC. Bytes are ciphertext (`simpul.crypto`) or wrapped keys. No column holds personal data in clear.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

application_sequence = Sequence("application_sequence", metadata=metadata)

definition = Table(
    "definition",
    metadata,
    Column("service", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB, nullable=False, comment="simpul.definition.Definition as JSON"),
    Column("digest", Text, nullable=False, comment="over the steps; must not change within a version"),
    Column("published_at", DateTime(timezone=True), nullable=False),
)

application = Table(
    "application",
    metadata,
    Column("number", Text, primary_key=True, comment="14 digits with a check digit"),
    Column("subject", Text, nullable=False, unique=True, comment="blinded number: the key on Kafka"),
    Column("service", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("channel", Text, nullable=False, comment="counter, mobile, kiosk or web"),
    Column("state", Text, nullable=False, comment="runnable, in_wave, waiting, incident or a closed state"),
    Column("next_step", Text, comment="first step that can be entered, in topological order"),
    Column("wave", Text, comment="the wave that carries it, while in_wave"),
    Column("waiting_for", Text, comment="agency:<agency>, payment: what or whom, while waiting"),
    Column("waiting_step", Text),
    Column("since", DateTime(timezone=True), nullable=False, comment="when the present state began"),
    Column("until", DateTime(timezone=True), comment="deadline of the wait"),
    Column("priority", SmallInteger, nullable=False, server_default=text("0"), comment="1: of a vulnerable group"),
    Column("ground", LargeBinary, comment="sealed: why it has priority; aad ground"),
    Column("turn_at", DateTime(timezone=True), comment="filed at, less the head start of priority: the order of waves"),
    Column("strikes", SmallInteger, nullable=False, server_default=text("0")),
    Column("solo", Boolean, nullable=False, server_default=text("false"), comment="travels in waves of one"),
    Column("learnt", Integer, nullable=False, server_default=text("0"), comment="outcomes so far: was a wave of use?"),
    Column("learnt_at_claim", Integer, nullable=False, server_default=text("0")),
    Column("revisions", JSONB, nullable=False, server_default=text("'{}'"), comment="step to revision, where above 1"),
    Column("pending", Text, comment="withdraw or amend, stored and not yet in effect"),
    Column("data_key", LargeBinary, nullable=False, comment="wrapped by the master key"),
    Column("form", LargeBinary, nullable=False, comment="sealed JSON"),
    Column("form_version", Integer, nullable=False, server_default=text("1")),
    Column("contact", LargeBinary, comment="sealed JSON: where and in which language the citizen is told; aad contact"),
    Column("amended_form", LargeBinary, comment="sealed JSON of a pending amendment"),
    Column("consents", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="gathering agreed to when filed"),
    Column("traceparent", Text, nullable=False),
    Column("received_by", Text, nullable=False, comment="name of the API key that filed it"),
    Column("idempotency_key", Text, comment="blinded"),
    Column("request_digest", Text, nullable=False, comment="blinded body: the same key with another body is refused"),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("standard", Text, comment="as promised when it was filed: 3 working days"),
    Column("due_at", DateTime(timezone=True), comment="end of the standard; moves while its clock is stopped"),
    Column("due_by", Text, nullable=False, server_default=text("''"), comment="digest of the calendar it was counted by"),
    Column("standard_at", DateTime(timezone=True), comment="when the engine looks at the standard next"),
    Column("warned_at", DateTime(timezone=True)),
    Column("breached_at", DateTime(timezone=True)),
    Column("undoes", Text, unique=True, comment="number of the application that this one undoes: a compensation"),
    Column("calls", JSONB, nullable=False, server_default=text("'{}'"),
           comment="of a compensation, by step: the operation it calls, and the steps that this undoes"),
    UniqueConstraint("received_by", "idempotency_key"),
    # the dispatcher's queue, the timers' queue, a wave's members
    Index("ix_application_runnable", "service", "version", "next_step", text("turn_at NULLS FIRST"), "number",
          postgresql_where=text("state = 'runnable'")),
    Index("ix_application_wave", "wave", postgresql_where=text("wave IS NOT NULL")),
    Index("ix_application_standard", "standard_at", postgresql_where=text("standard_at IS NOT NULL")),
    Index("ix_application_due_by", "due_by", "number", postgresql_where=text("closed_at IS NULL")),
    Index("ix_application_warned", "service", postgresql_where=text("warned_at IS NOT NULL AND closed_at IS NULL")),
    Index("ix_application_breached", "service", postgresql_where=text("breached_at IS NOT NULL")),
    Index("ix_application_pending", "number", postgresql_where=text("pending IS NOT NULL")),
)  # fmt: skip

wave = Table(
    "wave",
    metadata,
    Column("id", Text, primary_key=True, comment="random; the DAG run's id"),
    Column("service", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", Text, nullable=False, comment="claimed, started, ended or lost"),
    Column("claimed_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("missing_since", DateTime(timezone=True), comment="first look-up that did not find the run"),
    Column("ended_at", DateTime(timezone=True)),
    Column("result", Text, comment="success, failed, missing, refused"),
    Index("ix_wave_open", "service", "version", postgresql_where=text("state IN ('claimed', 'started')")),
)

step_run = Table(
    "step_run",
    metadata,
    Column("application", Text, ForeignKey("application.number"), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("ask", Integer, nullable=False, server_default=text("1"), comment="how often the agency was asked anew"),
    Column("state", Text, nullable=False, comment="open, in_flight, waiting, failed or closed"),
    Column("wave", Text, comment="the wave in which it was last entered"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("until", DateTime(timezone=True), comment="when a wait for this step lapses"),
    Column(
        "recalled",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="a signal or the deadline came while it was waiting: to be entered again",
    ),
    Column("reference", Text, comment="blinded: what a signal for this step refers to"),
    Column("closed_at", DateTime(timezone=True)),
    Column(
        "look_up",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="it may have happened: the agency is asked by our reference before anything is sent",
    ),
    Index("ix_step_run_reference", "reference", postgresql_where=text("reference IS NOT NULL")),
    Index("ix_step_run_wave", "wave", "step"),
    Index("ix_step_run_until", "until", postgresql_where=text("state = 'waiting' AND NOT recalled")),
)

outcome = Table(
    "outcome",
    metadata,
    Column("application", Text, ForeignKey("application.number"), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("outcome", Text, nullable=False, comment="done, skipped, rejected or lapsed; immutable"),
    Column("event_id", Text, nullable=False),
    Column("request_id", Text),
    Column("record_schema", Text),
    Column("record", LargeBinary, comment="sealed JSON; opens with aad <request_id>:record"),
    Column("reason", JSONB, comment="schemas.messages.Reason"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("mapped_from", Text, comment="step/revision that it was learnt under, in another version of the workflow"),
)

compensation = Table(
    "compensation",
    metadata,
    Column("application", Text, ForeignKey("application.number"), primary_key=True),
    Column(
        "steps",
        JSONB,
        nullable=False,
        comment="what took effect and can be undone: step, revision, operation; last first",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, comment="when the application ended"),
    Column("opened_at", DateTime(timezone=True), comment="when the engine filed the application that undoes it"),
    Index("ix_compensation_due", "created_at", postgresql_where=text("opened_at IS NULL")),
)

task = Table(
    "task",
    metadata,
    Column("application", Text, ForeignKey("application.number"), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("kind", Text, nullable=False, comment="officer or citizen"),
    Column("group", Text, nullable=False, comment="which officers; citizen"),
    Column("state", Text, nullable=False, comment="open, confirming, returned or closed"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), comment="when it is overdue"),
    Column("escalated_at", DateTime(timezone=True)),
    Column("first_by", Text, comment="who decided first, where a second officer must confirm"),
    Column("asked", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="what an officer found missing"),
    Column("content", LargeBinary, comment="sealed JSON: what was entered and supplied so far"),
    Column("closed_at", DateTime(timezone=True)),
    Index("ix_task_open", "group", "until", postgresql_where=text("closed_at IS NULL")),
)

paper = Table(
    "paper",
    metadata,
    Column("check", Text, primary_key=True, comment="SHA-256 of the token in the document's QR code"),
    Column("application", Text, ForeignKey("application.number"), nullable=False),
    Column("step", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("withdrawn_at", DateTime(timezone=True), comment="an operator declared it void"),
    UniqueConstraint("application", "step", "revision"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("application", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ask", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("application", "step", "revision", "ask"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("request_id", Text, primary_key=True, comment="one for each (application, step, revision, ask)"),
    Column("agency", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("state", Text, nullable=False, comment="leased, backing_off, in_doubt or answered"),
    Column("request", LargeBinary, nullable=False, comment="the request's envelope as it came"),
    Column("owner", Text, comment="the gateway process that holds the lease"),
    Column("lease", BigInteger, nullable=False, server_default=text("0"), comment="fencing number of the lease"),
    Column("lease_until", DateTime(timezone=True)),
    Column("next_at", DateTime(timezone=True), comment="when it is due again: back-off"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("sent", Boolean, nullable=False, server_default=text("false"), comment="a try may have reached the agency"),
    Column("error", JSONB, comment="kind, code and owner of the last failure"),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("answered_at", DateTime(timezone=True)),
    Index("ix_attempt_due", "agency", "next_at", postgresql_where=text("state <> 'answered'")),
    Index("ix_attempt_lease", "agency", "lease_until", postgresql_where=text("state <> 'answered'")),
)

signal = Table(
    "signal",
    metadata,
    Column("id", Text, primary_key=True, comment="deterministic over the message"),
    Column("kind", Text, nullable=False, comment="payment, ..."),
    Column("source", Text, nullable=False, comment="the agency or the API key it came from"),
    Column("reference", Text, nullable=False, comment="blinded: billing code, ..."),
    Column("application", Text, comment="set when it matched"),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("consumed_at", DateTime(timezone=True)),
    Index("ix_signal_open", "reference", postgresql_where=text("consumed_at IS NULL")),
)

event = Table(
    "event",
    metadata,
    Column("sequence", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True, comment="deterministic where the cause is"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False, comment="API key name, operating-system user, or the process's role"),
    Column("action", Text, nullable=False),
    Column("application", Text),
    Column("service", Text),
    Column("step", Text),
    Column("revision", Integer),
    Column("agency", Text),
    Column("operation", Text),
    Column("purpose", Text),
    Column("legal_basis", Text),
    Column("digest", Text, comment="SHA-256 of the ciphertext it speaks of"),
    Column("state", Text, comment="the application's state after it, where it changed"),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_event_application", "application", "sequence"),
    Index("ix_event_outage", "agency", "at", postgresql_where=text(
        "action IN ('agency.unreachable', 'agency.reachable', 'agency.stopped', 'agency.resumed')")),
)  # fmt: skip

incident = Table(
    "incident",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("application", Text),
    Column("service", Text),
    Column("agency", Text),
    Column("step", Text),
    Column("kind", Text, nullable=False),
    Column("diagnosis", JSONB, nullable=False, comment="Text: id and en"),
    Column("owner", Text, nullable=False, comment="who moves next: us, agency, citizen, network"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolved_by", Text),
    # one open incident of a kind for one thing
    Index("uq_incident_open", text("coalesce(application, '')"), text("coalesce(service, '')"),
          text("coalesce(agency, '')"), text("coalesce(step, '')"), "kind",
          unique=True, postgresql_where=text("resolved_at IS NULL")),
)  # fmt: skip

agency = Table(
    "agency",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("state", Text, nullable=False, comment="running or stopped (misconfigured: an operator must act)"),
    Column("circuit", Text, nullable=False, server_default=text("'closed'"), comment="closed, open or probing"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("failure", JSONB, comment="schemas.messages.Failure"),
)

feed = Table(
    "feed",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("cursor", Text, comment="where the next pull begins, in the agency's terms"),
    Column("owner", Text, comment="the gateway process that holds the lease"),
    Column("turn", BigInteger, nullable=False, comment="fencing number of the lease"),
    Column("lease_until", DateTime(timezone=True)),
    Column("next_at", DateTime(timezone=True), comment="when it is due again"),
    Column("under_way", JSONB, comment="ids of a page that is being published, and the topic's ends before it"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="in a row"),
    Column("failure", JSONB, comment="schemas.messages.Failure"),
    Column("since", DateTime(timezone=True), nullable=False, comment="last page, or the first failure since"),
    Column("published", BigInteger, nullable=False, server_default=text("0"), comment="changes so far"),
)

feed_seen = Table(
    "feed_seen",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("id", Text, primary_key=True, comment="of a published change's envelope"),
    Column("at", DateTime(timezone=True), nullable=False),
)

payload_shape = Table(
    "payload_shape",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("operation", Text, primary_key=True, comment="contract:<file> for a published contract"),
    Column("day", Date, primary_key=True),
    Column("shape", JSONB, nullable=False, comment="fields and types, no values"),
    Column("samples", BigInteger, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)

reply_partition = Table(
    "reply_partition",
    metadata,
    Column("partition", Integer, primary_key=True, comment="of the topic of replies"),
    Column("instance", Text, comment="the console process that reads it"),
    Column("lease_until", DateTime(timezone=True), comment="after it another process may take the partition"),
)

callback_once = Table(
    "callback_once",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("id", Text, primary_key=True, comment="of a call, blinded: what its sender must not use twice"),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_callback_once_at", "at"),
)

dispatch = Table(
    "dispatch",
    metadata,
    Column("service", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", Text, nullable=False, comment="active, paused, missing, broken or unreachable: its DAG in Airflow"),
    Column("since", DateTime(timezone=True), nullable=False),
)

projected = Table(
    "projected",
    metadata,
    Column("cluster", Text, primary_key=True),
    Column("topic_id", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True, comment="SHA-256 of the key"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
)
