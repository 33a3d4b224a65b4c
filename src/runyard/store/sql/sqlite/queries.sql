-- One query per name. Parameters are named; see runyard/store/queries.py for the format.

-- name: insert_run
INSERT INTO runs (run_id, kind, workflow_name, workflow_version, owner, epoch, seq, version,
    status, message, last_error, interrupted_reason, last_notify_error, started_at, finished_at,
    updated_at)
VALUES (:run_id, :kind, :workflow_name, :workflow_version, :owner, :epoch, :seq, :version,
    :status, :message, :last_error, :interrupted_reason, :last_notify_error, :started_at,
    :finished_at, :updated_at)
ON CONFLICT (run_id) DO NOTHING;

-- name: insert_spec
INSERT INTO specs (run, data) VALUES (:run, :data);

-- name: update_run
UPDATE runs SET owner = :owner, epoch = :epoch, seq = :seq, version = :version, status = :status,
    message = :message, last_error = :last_error, interrupted_reason = :interrupted_reason,
    last_notify_error = :last_notify_error, started_at = :started_at, finished_at = :finished_at,
    updated_at = :updated_at
WHERE id = :id;

-- name: count_run
UPDATE runs SET seq = :seq, version = :version, updated_at = :updated_at WHERE id = :id;

-- name: run
SELECT id, run_id, kind, workflow_name, workflow_version, owner, epoch, seq, version, status,
    message, last_error, interrupted_reason, last_notify_error, started_at, finished_at, updated_at
FROM runs WHERE run_id = :run_id;

-- name: runs
SELECT id, run_id, kind, workflow_name, workflow_version, owner, epoch, seq, version, status,
    message, last_error, interrupted_reason, last_notify_error, started_at, finished_at, updated_at
FROM runs
WHERE (:status IS NULL OR status = :status)
    AND (:workflow_name IS NULL OR workflow_name = :workflow_name)
    AND (:kind IS NULL OR kind = :kind)
ORDER BY id DESC LIMIT :limit;

-- name: unfinished
SELECT id, run_id, kind, workflow_name, workflow_version, owner, epoch, seq, version, status,
    message, last_error, interrupted_reason, last_notify_error, started_at, finished_at, updated_at
FROM runs WHERE status IN ('queued', 'running') AND owner <> '' ORDER BY id;

-- name: spec
SELECT data FROM specs WHERE run = :run;

-- name: insert_event
INSERT INTO events (run, seq, at, version, type, step, host, data)
VALUES (:run, :seq, :at, :version, :type, :step, :host, :data);

-- name: events
SELECT e.seq, e.at, e.type, e.step, e.host, e.data FROM events e
WHERE e.run = :run AND e.seq > :after ORDER BY e.seq LIMIT :limit;

-- name: notices
SELECT e.seq, e.at, e.type, e.step, e.host, e.data, e.version FROM events e
WHERE e.run = :run AND e.seq > coalesce(
    (SELECT o.delivered FROM outbox o WHERE o.reader = :reader AND o.run = :run), 0)
ORDER BY e.seq;

-- name: delivered
INSERT INTO outbox (reader, run, delivered, delivered_at) VALUES (:reader, :run, :seq, :at)
ON CONFLICT (reader, run) DO UPDATE
    SET delivered = max(delivered, excluded.delivered), delivered_at = excluded.delivered_at;

-- name: steps
SELECT step, status, started_at, finished_at, message, hosts FROM steps
WHERE run = :run ORDER BY position, started_at;

-- name: attempts
SELECT a.step, a.host, a.n, a.status, a.started_at, a.finished_at, a.message, a.done, e.data
FROM attempts a LEFT JOIN events e ON e.run = a.run AND e.seq = a.result
WHERE a.run = :run ORDER BY a.seq;

-- name: attempts_bare
SELECT a.step, a.host, a.n, a.status, a.started_at, a.finished_at, a.message, a.done, NULL
FROM attempts a WHERE a.run = :run ORDER BY a.seq;

-- name: step_started
INSERT INTO steps (run, step, position, status, started_at, hosts)
VALUES (:run, :step, :position, 'running', :at, :hosts)
ON CONFLICT (run, step) DO UPDATE SET status = 'running', finished_at = NULL, message = '',
    started_at = coalesce(started_at, excluded.started_at), hosts = excluded.hosts,
    position = excluded.position;

-- name: step_left
INSERT INTO steps (run, step, position, status, hosts)
VALUES (:run, :step, :position, 'queued', :hosts)
ON CONFLICT (run, step) DO NOTHING;

-- name: step_finished
INSERT INTO steps (run, step, position, status, started_at, finished_at, message)
VALUES (:run, :step, :seq, :status, :at, :at, :message)
ON CONFLICT (run, step) DO UPDATE SET status = excluded.status,
    finished_at = excluded.finished_at, message = excluded.message;

-- name: attempt_started
INSERT INTO attempts (run, step, host, n, status, started_at, seq)
VALUES (:run, :step, :host, :n, 'running', :at, :seq)
ON CONFLICT (run, step, host, n) DO UPDATE SET status = 'running', finished_at = NULL,
    message = '', seq = excluded.seq, result = NULL, done = 0;

-- name: attempt_ended
INSERT INTO attempts (run, step, host, n, status, started_at, finished_at, message, seq, result,
    done)
VALUES (:run, :step, :host, :n, :status, :started_at, :finished_at, :message, :seq, :seq, :done)
ON CONFLICT (run, step, host, n) DO UPDATE SET status = excluded.status,
    started_at = coalesce(excluded.started_at, started_at), finished_at = excluded.finished_at,
    message = excluded.message, seq = excluded.seq, result = excluded.result,
    done = excluded.done;

-- name: interrupt_steps
UPDATE steps SET status = 'interrupted' WHERE run = :run AND status = 'running';

-- name: interrupt_attempts
UPDATE attempts SET status = 'interrupted' WHERE run = :run AND status = 'running';

-- name: sweep_attempts
UPDATE attempts SET message = :message, finished_at = :at
WHERE run = :run AND status = 'interrupted' AND finished_at IS NULL;

-- name: settle_attempt
UPDATE attempts SET message = :message, finished_at = coalesce(finished_at, :at)
WHERE run = :run AND step = :step AND host = :host AND n = :n;

-- name: insert_control
INSERT INTO controls (run, kind, data, at) VALUES (:run, :kind, :data, :at);

-- name: controls
SELECT id, kind, data, at FROM controls
WHERE run = :run AND id > :after AND void = 0 ORDER BY id;

-- name: void_control
UPDATE controls SET void = 1 WHERE run = :run AND id = :control;

-- name: void_cancels
UPDATE controls SET void = 1 WHERE run = :run AND kind = 'cancel';

-- name: take_lease
INSERT INTO leases (resource, holder, epoch, expires_at)
VALUES (:resource, :holder, 1, :expires_at)
ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
    epoch = CASE WHEN holder = excluded.holder AND leases.expires_at > :now
        THEN epoch ELSE epoch + 1 END
    WHERE holder = excluded.holder OR leases.expires_at <= :now
RETURNING epoch;

-- name: lease_holder
SELECT holder FROM leases WHERE resource = :resource AND expires_at > :now;

-- name: free_lease
UPDATE leases SET expires_at = 0 WHERE resource = :resource AND holder = :holder;

-- name: delete_events
DELETE FROM events WHERE run = :run;

-- name: delete_steps
DELETE FROM steps WHERE run = :run;

-- name: delete_attempts
DELETE FROM attempts WHERE run = :run;

-- name: delete_controls
DELETE FROM controls WHERE run = :run;

-- name: delete_outbox
DELETE FROM outbox WHERE run = :run;

-- name: delete_spec
DELETE FROM specs WHERE run = :run;

-- name: delete_run
DELETE FROM runs WHERE id = :run;

-- name: insert_snapshot
INSERT INTO snapshots (run_id, kind, workflow_name, status, data)
VALUES (:run_id, :kind, :workflow_name, :status, :data) ON CONFLICT (run_id) DO NOTHING;

-- name: update_snapshot
UPDATE snapshots SET status = :status, data = :data WHERE run_id = :run_id;

-- name: snapshot
SELECT data FROM snapshots WHERE run_id = :run_id;

-- name: snapshots
SELECT data FROM snapshots
WHERE (:status IS NULL OR status = :status)
    AND (:workflow_name IS NULL OR workflow_name = :workflow_name)
    AND (:kind IS NULL OR kind = :kind)
ORDER BY id DESC LIMIT :limit;

-- name: unfinished_snapshots
SELECT data FROM snapshots WHERE status IN ('queued', 'running') ORDER BY id;
