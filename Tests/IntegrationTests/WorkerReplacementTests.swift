import Foundation
import Glibc
import Testing

/// Workers that die together or again and again, that change hands, and that are wanted again while they drain.
@Suite(.onOwnThread) struct WorkerReplacementTests {
    /// The bound of the first step of the backoff; each step may be twice as long as the one before.
    private static let firstStepMilliseconds = 400

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.worker = ["slots": "8", "service_time": "5ms", "spread": "0", "queue": "100"]
        return configuration
    }

    /// By how much the next start was put off, in milliseconds, at each death of a worker.
    private static func pauses(_ sluice: SluiceProcess) -> [Int] {
        sluice.process.errors.split(separator: "\n").filter { $0.contains(" died: ") }
            .compactMap { line in line.firstMatch(of: /next_try_ms=(\d+)/).flatMap { Int($0.1) } }
    }

    /// Seen before: six deaths were six steps of the backoff, and for 6.4 s nothing was started.
    @Test func sixWorkers_killedTogether_arePutOffByOneStep() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool = ["min_workers": "6", "max_workers": "6"]
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "six workers") { try sluice.status().pool?.ready == 6 }
            let victims = scene.workerPIDs
            #expect(victims.count == 6)
            for victim in victims { kill(victim, SIGKILL) }
            try Patience.wait(for: "six others") {
                let pool = try #require(try sluice.status().pool)
                return pool.crashes == 6 && pool.ready == 6
            }
            #expect(victims.isDisjoint(with: scene.workerPIDs))
            try Patience.wait(for: "the log to tell of all six") { Self.pauses(sluice).count >= 6 }
            let pauses = Self.pauses(sluice)
            #expect(pauses.count == 6 && pauses.allSatisfy { $0 <= Self.firstStepMilliseconds }, "\(pauses)")
        }
    }

    /// Seen before: each time that it was ready the backoff began anew, and there were 33 deaths in 30 s.
    @Test func worker_diesASecondAfterItsStart_isStartedLessAndLessOften() throws {
        try Scene.play { scene in
            let program = try SluiceProcess.program
            let script = "\(scene.folder)/worker.sh"
            // It dies once it has been found ready, a second later, and no sooner: the log has one line more by then.
            let log = "\(scene.folder)/sluice.err"
            try scene.write(
                """
                told() { grep -c ' worker ready ' '\(log)'; }
                before=$(told)
                '\(program)' worker &
                for _ in $(seq 600); do [ "$(told)" -gt "$before" ] && break; sleep 0.1; done
                sleep 1
                kill -9 $!
                """,
                to: script
            )
            var configuration = Self.configuration()
            configuration.pool = ["min_workers": "1", "max_workers": "1", "command": "[/bin/sh, \(script)]"]
            let sluice = try scene.start(configuration, waits: false)
            // Only the fourth step or a later one can be so long, and most of these are: that of a dozen all are
            // shorter happens once in some millions of times.
            try Patience.wait(for: "a long pause among \(Self.pauses(sluice))") {
                let pauses = Self.pauses(sluice)
                if pauses.contains(where: { $0 > 4 * Self.firstStepMilliseconds }) { return true }
                guard pauses.count < 12 else { throw Disappointment("it is tried as often as ever: \(pauses)") }
                return false
            }
            let pauses = Self.pauses(sluice)
            for (step, pause) in pauses.enumerated() {
                #expect(pause <= Self.firstStepMilliseconds << step, "step \(step) of \(pauses)")
            }
            let timesReady = sluice.process.errors.components(separatedBy: " worker ready ").count - 1
            #expect(timesReady >= pauses.count, "\(timesReady) of \(pauses.count): else nothing was shown")
        }
    }

    /// Seen before: the first decision of a new controller, which had no history, dropped 20 adopted workers to 15.
    @Test func adoptedPool_firstDecisions_keepAllThatIsThere() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            var configuration = Self.configuration()
            configuration.redis = "unix:\(socket)"
            configuration.signingKeys = [(1, Contract.secret)]
            configuration.pool = ["min_workers": "1", "max_workers": "6"]
            let first = try scene.start(configuration, command: "controller", name: "first")
            let gateway = try scene.start(configuration, command: "gateway", name: "gateway")
            let mode = { (words: [String]) in
                try Operator.command(scene, gateway, ["controller", "mode", "workers"] + words).end
            }
            #expect(try mode(["manual", "4"]) == .exited(0))
            try Patience.wait(for: "four workers") { try first.status().pool?.ready == 4 }
            let workers = scene.workerPIDs
            #expect(workers.count == 4)
            first.mayEnd = true
            first.process.kill()
            // Nobody says any more how many there are to be, and nobody asks for any: all that speaks for four is that
            // they are there.
            #expect(try mode(["configured"]) == .exited(0))
            let last = try #require(DecisionTrail.entries(scene).last)
            let next = try scene.start(configuration, command: "controller", name: "next")
            let entries = try DecisionTrail.wait(scene, for: "four decisions of the next one") { entries in
                entries.count { $0.fence > last.fence } >= 4
            }
            let sizes = entries.filter { $0.fence > last.fence }.prefix(4).map(\.decision.desiredWorkers)
            #expect(sizes == [4, 4, 4, 4])
            #expect(try next.status().pool?.ready == 4)
            #expect(scene.workerPIDs == workers)
        }
    }

    /// Seen before: a worker that drained was ended in any case, and another one was started beside it.
    @Test func worker_wantedAgainWhileItDrains_servesAgain() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool = [
                "min_workers": "1", "max_workers": "2", "drain_timeout": "10m", "response_timeout": "10m",
            ]
            let sluice = try scene.start(configuration)
            let size = { (workers: Int) in
                try Operator.command(scene, sluice, ["controller", "mode", "workers", "manual", "\(workers)"]).end
            }
            #expect(try size(2) == .exited(0))
            try Self.waitForWorkers(2, draining: 0, of: sluice)
            let workers = scene.workerPIDs
            let pages = try Self.pages(of: sluice, count: 2)
            // One at each of them: whoever goes has something to finish.
            let holders = try (0..<2).map { _ in try HTTPPeer(port: sluice.port) }
            for holder in holders { try holder.send("GET", "/healthz?wait=60000") }
            try sluice.waitUntilInFlight(2)

            #expect(try size(1) == .exited(0))
            try Self.waitForWorkers(1, draining: 1, of: sluice)
            let meanwhile = try (0..<10).map { _ in try HTTPPeer(port: sluice.port).request("GET", "/").text }
            #expect(Set(meanwhile).count == 1 && pages.isSuperset(of: meanwhile), "who drains gets nothing new")

            #expect(try size(2) == .exited(0))
            try Self.waitForWorkers(2, draining: 0, of: sluice)
            try sluice.waitForLog("worker is wanted again")
            #expect(scene.workerPIDs == workers)
            #expect(try Self.pages(of: sluice, count: 2) == pages)
            for holder in holders where holder.hasInput { #expect(try holder.readAnswer().status == 200) }
            #expect(try sluice.status().pool?.crashes == 0)
        }
    }

    /// As the controller has them, and as the gateway knows.
    private static func waitForWorkers(_ ready: Int, draining: Int, of sluice: SluiceProcess) throws {
        try Patience.wait(for: "\(ready) ready and \(draining) draining") {
            let pool = try #require(try sluice.status().pool)
            return try pool.ready == ready && pool.draining == draining && pool.pending == 0
                && sluice.metric("sluice_pool_ready_workers{pool=\"workers\"}") == Double(ready)
        }
    }

    /// Asks until so many workers have answered, each with the page that bears its address.
    private static func pages(of sluice: SluiceProcess, count: Int) throws -> Set<String> {
        var pages: Set<String> = []
        try Patience.wait(for: "\(count) workers to answer") {
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            guard answer.status == 200 else { throw Disappointment("status \(answer.status): \(answer.text)") }
            pages.insert(answer.text)
            return pages.count >= count
        }
        return pages
    }
}
