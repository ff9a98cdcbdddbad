import Primitives
import Settings
import Testing

extension SettingsProblemTests {
    static let contradictions = [
        Mistake(
            "room: onsale",
            "room: onsail",
            "sluice.yaml:12:5: routes[0].room: there is no room named onsail; did you mean onsale?; known under rooms: "
                + "onsale"
        ),
        Mistake(
            "pool: tickets",
            "pool: web",
            "sluice.yaml:11:5: routes[0].pool: there is no pool named web; known under pools: tickets"
        ),
        Mistake(
            "room: onsale",
            "room: onsale\n  - {host: \"*\", path: /, pool: tickets}",
            "sluice.yaml:13:5: routes[1]: host * and path / are already taken by routes[0] (line 11)"
        ),
        Mistake(
            "max_workers: 4",
            "max_workers: 4\n    min_workers: 5",
            "sluice.yaml:6:5: pools.tickets.min_workers: 5 is more than max_workers, which is 4 (line 5)"
        ),
        Mistake(
            "max_workers: 4",
            "connections_per_worker: 7",
            "sluice.yaml:5:5: pools.tickets.connections_per_worker: 7 connections can never fill the worker's 8 slots; "
                + "allow at least as many as worker.slots"
        ),
        Mistake(
            "max_workers: 4",
            "scaling: {cost_cap: 59, cost_window: 1h}",
            "sluice.yaml:5:15: pools.tickets.scaling.cost_cap: 59 worker-minutes do not pay for min_workers: 1 cost 60 in "
                + "1h. Allow as many at least, or lower min_workers (line 5)"
        ),
        Mistake(
            "max_workers: 4",
            "max_workers: 4\n    scaling: {prewarm: [4 workers from 2026-11-28T19:30:00Z for 2h, "
                + "5 workers from 2026-11-28T20:30:00+01:00 for 1m]}",
            "sluice.yaml:6:69: pools.tickets.scaling.prewarm[1]: 5 workers are more than max_workers, which is 4 (line 5)"
        ),
        Mistake(
            "max_workers: 4",
            "scaling: {latency_objective: 10ms}",
            "sluice.yaml:5:15: pools.tickets.scaling.latency_objective: 10ms is shorter than worker.service_time, which is "
                + "20ms: no number of workers meets it"
        ),
        Mistake(
            "max_workers: 4",
            "worker: {start_time: 5m}\n    start_timeout: 2s",
            "sluice.yaml:5:14: pools.tickets.worker.start_time: 5m is not shorter than start_timeout, which is 2s: no worker "
                + "would ever be ready (line 6)"
        ),
        Mistake(
            "max_workers: 4",
            "worker: {start_time: 20s}",
            "sluice.yaml:5:14: pools.tickets.worker.start_time: 20s is not shorter than start_timeout, which is 20s: no "
                + "worker would ever be ready"
        ),
        Mistake(
            "max_workers: 4",
            "driver: static",
            "sluice.yaml:5:5: pools.tickets.driver: the static driver needs the key workers with at least one address"
        ),
        Mistake(
            "max_workers: 4",
            "driver: static\n    workers: [127.0.0.1:1, 127.0.0.1:1]\n    command: [x]",
            "sluice.yaml:6:28: pools.tickets.workers[1]: 127.0.0.1:1 is already in the list",
            "sluice.yaml:7:5: pools.tickets.command: the key has no meaning with the static driver; take it out, or change "
                + "driver"
        ),
        Mistake(
            "max_workers: 4",
            "driver: keda\n    command: [x]",
            "sluice.yaml:5:5: pools.tickets.driver: the keda driver needs the key workers: every address at which KEDA may "
                + "start one",
            "sluice.yaml:6:5: pools.tickets.command: the key has no meaning with the keda driver; take it out, or change "
                + "driver"
        ),
        Mistake(
            "max_workers: 4",
            "driver: keda\n    workers: [127.0.0.1:1, 127.0.0.1:2]\n    max_workers: 3\n    probe: {failures: 0}",
            "sluice.yaml:7:5: pools.tickets.max_workers: 3 is more than the 2 addresses under workers; list every address at "
                + "which KEDA may start one, or lower max_workers (line 6)",
            "sluice.yaml:8:13: pools.tickets.probe.failures: with the keda driver a worker that is gone is known by its "
                + "failures alone; allow 1 at least (line 5)"
        ),
        Mistake(
            "max_workers: 4",
            "min_workers: 0",
            "sluice.yaml:5:5: pools.tickets.min_workers: the process driver keeps 1 worker at least; only the keda driver "
                + "goes down to 0"
        ),
        Mistake(
            "max_workers: 4",
            "driver: keda\n    workers: [127.0.0.1:1]\n    max_workers: 1\ncontroller: {keda: {listen: 127.0.0.1:9090}}",
            "sluice.yaml:8:21: controller.keda.listen: 127.0.0.1:9090 is already taken by admin.listen"
        ),
        Mistake(
            "max_workers: 4",
            "workers: [127.0.0.1:1]",
            "sluice.yaml:5:5: pools.tickets.workers: the key has no meaning with the process driver; take it out, or change "
                + "driver"
        ),
        Mistake(
            "max_workers: 4",
            "cloud: {port: 80}",
            "sluice.yaml:5:5: pools.tickets.cloud: the key has no meaning with the process driver; take it out, or change "
                + "driver"
        ),
        Mistake(
            "max_workers: 4",
            "driver: command\n    cloud: {scale: [scale], retire: ['{id}']}",
            "sluice.yaml:5:5: pools.tickets.driver: the command driver needs the key cloud.list with a program and its "
                + "arguments",
            "sluice.yaml:6:13: pools.tickets.cloud.scale: none of its arguments holds {desired}, in whose place the number "
                + "of instances is put",
            "sluice.yaml:6:29: pools.tickets.cloud.retire: none of its arguments holds {id}, in whose place the id of the "
                + "instance that is to go is put"
        ),
        Mistake(
            "max_workers: 4",
            "driver: command\n    cloud: {scale: [scale, '{desired}'], list: [list]}",
            "sluice.yaml:5:5: pools.tickets.driver: the command driver needs the key start_timeout: how long an instance may "
                + "take from when it is listed until it answers. The default is meant for processes"
        ),
        Mistake(
            "max_workers: 4",
            "mode: manual",
            "sluice.yaml:5:5: pools.tickets.mode: mode: manual needs the key manual_workers: how many there are to be"
        ),
        Mistake(
            "max_workers: 4",
            "mode: freeze\n    manual_workers: 3",
            "sluice.yaml:6:5: pools.tickets.manual_workers: the key has a meaning with mode: manual only; take it out, or "
                + "change mode"
        ),
        Mistake(
            "inflow: 120/s",
            "inflow: 120/s\n    claim_window: 5s\n    horizon: 10s",
            "sluice.yaml:10:5: rooms.onsale.claim_window: 5s is shorter than horizon, which is 10s: visitors would lose the "
                + "turn before they ask again (line 11)"
        ),
        Mistake(
            "listen:",
            "limits: {head_bytes: 4KiB}\nlisten:",
            "sluice.yaml:1:1: limits.target_bytes: 8KiB does not fit into a head of 4KiB; make it smaller than head_bytes "
                + "(line 1)"
        ),
        Mistake(
            "listen:",
            "admin: {listen: 127.0.0.1:8080}\nlisten:",
            "sluice.yaml:1:9: admin.listen: 127.0.0.1:8080 is already taken by listen[0].address (line 3)"
        ),
        Mistake(
            "listen:",
            "signing_keys:\n  - id: 1\nlisten:",
            "sluice.yaml:2:5: signing_keys[0]: neither secret nor file is given; a key has exactly one of them"
        ),
        Mistake(
            "listen:",
            "signing_keys: [&k {id: 1, secret: 0123456789abcdef0123456789abcdef}, *k]\nlisten:",
            "sluice.yaml:1:20: signing_keys[1].id: the id 1 is already taken by signing_keys[0] (line 1)"
        ),
        Mistake(
            "127.0.0.1:8080",
            "unix:" + String(repeating: "x", count: 103),
            "sluice.yaml:2:5: listen[0].address: the socket's full path has 108 bytes; the system allows 107: /etc/"
                + String(repeating: "x", count: 103)
        ),
    ]
}
