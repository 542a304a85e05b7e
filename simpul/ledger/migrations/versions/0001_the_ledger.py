"""the ledger"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("application_sequence")))
    op.create_table('agency',
    sa.Column('agency', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False, comment='running or stopped (misconfigured: an operator must act)'),
    sa.Column('circuit', sa.Text(), server_default=sa.text("'closed'"), nullable=False, comment='closed, open or probing'),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('failure', postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='schemas.messages.Failure'),
    sa.PrimaryKeyConstraint('agency', name=op.f('pk_agency'))
    )
    op.create_table('api_key',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('hash', sa.Text(), nullable=False, comment='SHA-256 of the key'),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_api_key')),
    sa.UniqueConstraint('hash', name=op.f('uq_api_key_hash'))
    )
    op.create_table('application',
    sa.Column('number', sa.Text(), nullable=False, comment='14 digits with a check digit'),
    sa.Column('subject', sa.Text(), nullable=False, comment='blinded number: the key on Kafka'),
    sa.Column('service', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False, comment='counter, mobile, kiosk or web'),
    sa.Column('state', sa.Text(), nullable=False, comment='runnable, in_wave, waiting, incident or a closed state'),
    sa.Column('next_step', sa.Text(), nullable=True, comment='first step that can be entered, in topological order'),
    sa.Column('wave', sa.Text(), nullable=True, comment='the wave that carries it, while in_wave'),
    sa.Column('waiting_for', sa.Text(), nullable=True, comment='agency:<agency>, payment: what or whom, while waiting'),
    sa.Column('waiting_step', sa.Text(), nullable=True),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False, comment='when the present state began'),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True, comment='deadline of the wait'),
    sa.Column('priority', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('strikes', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('solo', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='travels in waves of one'),
    sa.Column('learnt', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='outcomes so far: was a wave of use?'),
    sa.Column('learnt_at_claim', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('revisions', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False, comment='step to revision, where above 1'),
    sa.Column('pending', sa.Text(), nullable=True, comment='withdraw or amend, stored and not yet in effect'),
    sa.Column('data_key', sa.LargeBinary(), nullable=False, comment='wrapped by the master key'),
    sa.Column('form', sa.LargeBinary(), nullable=False, comment='sealed JSON'),
    sa.Column('form_version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('amended_form', sa.LargeBinary(), nullable=True, comment='sealed JSON of a pending amendment'),
    sa.Column('traceparent', sa.Text(), nullable=False),
    sa.Column('received_by', sa.Text(), nullable=False, comment='name of the API key that filed it'),
    sa.Column('idempotency_key', sa.Text(), nullable=True, comment='blinded'),
    sa.Column('request_digest', sa.Text(), nullable=False, comment='blinded body: the same key with another body is refused'),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_application')),
    sa.UniqueConstraint('received_by', 'idempotency_key', name=op.f('uq_application_received_by_idempotency_key')),
    sa.UniqueConstraint('subject', name=op.f('uq_application_subject'))
    )
    op.create_index('ix_application_pending', 'application', ['number'], unique=False, postgresql_where=sa.text('pending IS NOT NULL'))
    op.create_index('ix_application_runnable', 'application', ['service', 'version', 'next_step', sa.literal_column('priority DESC'), 'number'], unique=False, postgresql_where=sa.text("state = 'runnable'"))
    op.create_index('ix_application_wave', 'application', ['wave'], unique=False, postgresql_where=sa.text('wave IS NOT NULL'))
    op.create_table('attempt',
    sa.Column('request_id', sa.Text(), nullable=False, comment='one for each (application, step, revision, ask)'),
    sa.Column('agency', sa.Text(), nullable=False),
    sa.Column('operation', sa.Text(), nullable=False),
    sa.Column('effect', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False, comment='leased, backing_off, in_doubt or answered'),
    sa.Column('request', sa.LargeBinary(), nullable=False, comment="the request's envelope as it came"),
    sa.Column('owner', sa.Text(), nullable=True, comment='the gateway process that holds the lease'),
    sa.Column('lease', sa.BigInteger(), server_default=sa.text('0'), nullable=False, comment='fencing number of the lease'),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True, comment='when it is due again: back-off'),
    sa.Column('tries', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('sent', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='a try may have reached the agency'),
    sa.Column('error', postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='kind, code and owner of the last failure'),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_attempt'))
    )
    op.create_index('ix_attempt_due', 'attempt', ['agency', 'next_at'], unique=False, postgresql_where=sa.text("state <> 'answered'"))
    op.create_index('ix_attempt_lease', 'attempt', ['agency', 'lease_until'], unique=False, postgresql_where=sa.text("state <> 'answered'"))
    op.create_table('definition',
    sa.Column('service', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='simpul.definition.Definition as JSON'),
    sa.Column('digest', sa.Text(), nullable=False, comment='over the steps; must not change within a version'),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('service', 'version', name=op.f('pk_definition'))
    )
    op.create_table('dispatch',
    sa.Column('service', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False, comment='active, paused, missing, broken or unreachable: its DAG in Airflow'),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('service', 'version', name=op.f('pk_dispatch'))
    )
    op.create_table('event',
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('id', sa.Text(), nullable=False, comment='deterministic where the cause is'),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False, comment="API key name, operating-system user, or the process's role"),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('application', sa.Text(), nullable=True),
    sa.Column('service', sa.Text(), nullable=True),
    sa.Column('step', sa.Text(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=True),
    sa.Column('agency', sa.Text(), nullable=True),
    sa.Column('operation', sa.Text(), nullable=True),
    sa.Column('purpose', sa.Text(), nullable=True),
    sa.Column('legal_basis', sa.Text(), nullable=True),
    sa.Column('digest', sa.Text(), nullable=True, comment='SHA-256 of the ciphertext it speaks of'),
    sa.Column('state', sa.Text(), nullable=True, comment="the application's state after it, where it changed"),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.PrimaryKeyConstraint('sequence', name=op.f('pk_event')),
    sa.UniqueConstraint('id', name=op.f('uq_event_id'))
    )
    op.create_index('ix_event_application', 'event', ['application', 'sequence'], unique=False)
    op.create_table('incident',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('application', sa.Text(), nullable=True),
    sa.Column('service', sa.Text(), nullable=True),
    sa.Column('agency', sa.Text(), nullable=True),
    sa.Column('step', sa.Text(), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('diagnosis', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='Text: id and en'),
    sa.Column('owner', sa.Text(), nullable=False, comment='who moves next: us, agency, citizen, network'),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolved_by', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident'))
    )
    op.create_index('uq_incident_open', 'incident', [sa.literal_column("coalesce(application, '')"), sa.literal_column("coalesce(service, '')"), sa.literal_column("coalesce(agency, '')"), sa.literal_column("coalesce(step, '')"), 'kind'], unique=True, postgresql_where=sa.text('resolved_at IS NULL'))
    op.create_table('outbox',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('application', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('ask', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    sa.UniqueConstraint('application', 'step', 'revision', 'ask', name=op.f('uq_outbox_application_step_revision_ask'))
    )
    op.create_table('projected',
    sa.Column('cluster', sa.Text(), nullable=False),
    sa.Column('topic_id', sa.Text(), nullable=False),
    sa.Column('partition', sa.Integer(), nullable=False),
    sa.Column('next_offset', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('cluster', 'topic_id', 'partition', name=op.f('pk_projected'))
    )
    op.create_table('signal',
    sa.Column('id', sa.Text(), nullable=False, comment='deterministic over the message'),
    sa.Column('kind', sa.Text(), nullable=False, comment='payment, ...'),
    sa.Column('source', sa.Text(), nullable=False, comment='the agency or the API key it came from'),
    sa.Column('reference', sa.Text(), nullable=False, comment='blinded: billing code, ...'),
    sa.Column('application', sa.Text(), nullable=True, comment='set when it matched'),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('consumed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signal'))
    )
    op.create_index('ix_signal_open', 'signal', ['reference'], unique=False, postgresql_where=sa.text('consumed_at IS NULL'))
    op.create_table('wave',
    sa.Column('id', sa.Text(), nullable=False, comment="random; the DAG run's id"),
    sa.Column('service', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('next_step', sa.Text(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False, comment='claimed, started, ended or lost'),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('missing_since', sa.DateTime(timezone=True), nullable=True, comment='first look-up that did not find the run'),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('result', sa.Text(), nullable=True, comment='success, failed, missing, refused'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_wave'))
    )
    op.create_index('ix_wave_open', 'wave', ['service', 'version'], unique=False, postgresql_where=sa.text("state IN ('claimed', 'started')"))
    op.create_table('outcome',
    sa.Column('application', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False, comment='done, skipped, rejected or lapsed; immutable'),
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('record_schema', sa.Text(), nullable=True),
    sa.Column('record', sa.LargeBinary(), nullable=True, comment='sealed JSON; opens with aad <request_id>:record'),
    sa.Column('reason', postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='schemas.messages.Reason'),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['application'], ['application.number'], name=op.f('fk_outcome_application_application')),
    sa.PrimaryKeyConstraint('application', 'step', 'revision', name=op.f('pk_outcome'))
    )
    op.create_table('step_run',
    sa.Column('application', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('ask', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='how often the agency was asked anew'),
    sa.Column('state', sa.Text(), nullable=False, comment='open, in_flight, waiting, failed or closed'),
    sa.Column('wave', sa.Text(), nullable=True, comment='the wave in which it was last entered'),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True, comment='when a wait for this step lapses'),
    sa.Column('recalled', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='a signal or the deadline came while it was waiting: to be entered again'),
    sa.Column('reference', sa.Text(), nullable=True, comment='blinded: what a signal for this step refers to'),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['application'], ['application.number'], name=op.f('fk_step_run_application_application')),
    sa.PrimaryKeyConstraint('application', 'step', 'revision', name=op.f('pk_step_run'))
    )
    op.create_index('ix_step_run_reference', 'step_run', ['reference'], unique=False, postgresql_where=sa.text('reference IS NOT NULL'))
    op.create_index('ix_step_run_until', 'step_run', ['until'], unique=False, postgresql_where=sa.text("state = 'waiting' AND NOT recalled"))
    op.create_index('ix_step_run_wave', 'step_run', ['wave', 'step'], unique=False)


def downgrade() -> None:
    """Take back."""
    op.execute(sa.schema.DropSequence(sa.Sequence("application_sequence")))
    op.drop_index('ix_step_run_wave', table_name='step_run')
    op.drop_index('ix_step_run_until', table_name='step_run', postgresql_where=sa.text("state = 'waiting' AND NOT recalled"))
    op.drop_index('ix_step_run_reference', table_name='step_run', postgresql_where=sa.text('reference IS NOT NULL'))
    op.drop_table('step_run')
    op.drop_table('outcome')
    op.drop_index('ix_wave_open', table_name='wave', postgresql_where=sa.text("state IN ('claimed', 'started')"))
    op.drop_table('wave')
    op.drop_index('ix_signal_open', table_name='signal', postgresql_where=sa.text('consumed_at IS NULL'))
    op.drop_table('signal')
    op.drop_table('projected')
    op.drop_table('outbox')
    op.drop_index('uq_incident_open', table_name='incident', postgresql_where=sa.text('resolved_at IS NULL'))
    op.drop_table('incident')
    op.drop_index('ix_event_application', table_name='event')
    op.drop_table('event')
    op.drop_table('dispatch')
    op.drop_table('definition')
    op.drop_index('ix_attempt_lease', table_name='attempt', postgresql_where=sa.text("state <> 'answered'"))
    op.drop_index('ix_attempt_due', table_name='attempt', postgresql_where=sa.text("state <> 'answered'"))
    op.drop_table('attempt')
    op.drop_index('ix_application_wave', table_name='application', postgresql_where=sa.text('wave IS NOT NULL'))
    op.drop_index('ix_application_runnable', table_name='application', postgresql_where=sa.text("state = 'runnable'"))
    op.drop_index('ix_application_pending', table_name='application', postgresql_where=sa.text('pending IS NOT NULL'))
    op.drop_table('application')
    op.drop_table('api_key')
    op.drop_table('agency')
