import Foundation
import Glibc
import Testing

/// Drivers with real programs: any command that is told its port, and a cloud's own command line.
@Suite(.onOwnThread) struct DriverTests {
    private static func configuration(_ pool: [String: String]) -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.pool = pool
        configuration.worker = ["slots": "8", "service_time": "5ms"]
        configuration.scaling = ["scale_down_after": "1s"]
        return configuration
    }

    /// Any program that takes a port; what it says goes to a file, and it need not say where it listens.
    @Test(arguments: ["/healthz", "tcp"])
    func command_thatIsToldItsPort_serves(probe: String) throws {
        try Scene.play { scene in
            let program = try SluiceProcess.program
            let sluice = try scene.start(
                Self.configuration([
                    "command": "[sh, -c, \"echo my own words; exec '\(program)' worker --listen 127.0.0.1:$1 "
                        + "--service-time 5ms >/dev/null\", worker, \"{port}\"]",
                    "min_workers": "3", "max_workers": "3", "probe": "{path: \(probe)}",
                ])
            )
            try Patience.wait(for: "three workers") { try sluice.status().pool?.ready == 3 }
            try sluice.expectService()
            #expect(scene.workerPIDs.count == 3)
            let logs = try FileManager.default.contentsOfDirectory(atPath: "\(scene.folder)/state/workers")
                .filter { $0.hasSuffix(".log") }
            #expect(logs.count == 3)
            for log in logs {
                #expect(RunningProcess.text("\(scene.folder)/state/workers/\(log)").contains("my own words"))
            }
            let victim = try #require(scene.workerPIDs.first)
            kill(victim, SIGKILL)
            try Patience.wait(for: "another one") {
                try sluice.status().pool?.ready == 3 && !scene.workerPIDs.contains(victim)
            }
            #expect(try sluice.stop() == .exited(0))
            #expect(scene.workerPIDs.isEmpty)
        }
    }

    /// Killed with -9, its workers go on, and the next one knows where they listen: nothing says so but what it has
    /// written down.
    @Test func controllerOfSuchWorkers_killed_isFollowedByOneThatGoesOnWithThem() throws {
        try Scene.play { scene in
            let program = try SluiceProcess.program
            let configuration = Self.configuration([
                "command": "['\(program)', worker, --listen, \"127.0.0.1:{port}\", --service-time, 5ms]",
                "min_workers": "2", "max_workers": "2",
            ])
            let first = try scene.start(configuration, name: "first")
            try Patience.wait(for: "two workers") { try first.status().pool?.ready == 2 }
            let workers = scene.workerPIDs
            first.mayEnd = true
            first.process.kill()
            let second = try scene.start(configuration, name: "second")
            try Patience.wait(for: "both of them again") { try second.status().pool?.ready == 2 }
            #expect(scene.workerPIDs == workers)
            try second.expectService()
        }
    }

    /// Somebody else has the port: what cannot listen ends, and that is a start that failed.
    @Test func worker_thatCannotBind_isAFailedStart() throws {
        try Scene.play { scene in
            let sluice = try scene.start(
                Self.configuration([
                    "command": "[sh, -c, \"echo cannot bind to $1; exit 1\", worker, \"{port}\"]"
                ]),
                waits: false
            )
            let words = "died: exit code 1; the last that it said: cannot bind to "
            try Patience.wait(for: "three attempts") { sluice.process.errors.components(separatedBy: words).count > 3 }
            let ports = sluice.process.errors.components(separatedBy: words).dropFirst()
                .map { $0.prefix { $0.isNumber } }
            #expect(Set(ports).count == ports.count, "each with another port: \(ports)")
        }
    }

    /// The AWS command line against moto: its group comes to the size that is wanted, who goes is named, and an instance
    /// that somebody ends is replaced.
    @Test func awsGroup_isScaledListedAndRetiredFrom() throws {
        try Scene.play { scene in
            let group = try CloudGroup(scene)
            let sluice = try scene.start(Self.configuration(group.keys(retires: true)), waits: false)
            try sluice.waitUntilListening(hasGateway: true)
            try sluice.expectService()
            let first = try group.running()
            #expect(first.count == 1)

            #expect(
                try Operator.command(scene, sluice, ["controller", "mode", "workers", "manual", "3"]).end == .exited(0)
            )
            try Patience.wait(for: "three instances") {
                try sluice.status().pool?.ready == 3 && group.running().count == 3
            }
            #expect(try group.running().isSuperset(of: first))
            try Patience.wait(for: "the gateway to know them") {
                try sluice.metrics()["sluice_pool_ready_workers{pool=\"workers\"}"] == 3
            }
            try sluice.expectService(requests: 50)

            // By somebody else's hand.
            let victim = try #require(try group.running().sorted().first)
            try group.run(["ec2", "terminate-instances", "--instance-ids", victim])
            try Patience.wait(for: "another one") {
                try sluice.status().pool?.ready == 3 && !group.running().contains(victim)
            }

            #expect(
                try Operator.command(scene, sluice, ["controller", "mode", "workers", "manual", "1"]).end == .exited(0)
            )
            try Patience.wait(for: "one instance") {
                let pool = try #require(try sluice.status().pool)
                return try pool.ready == 1 && pool.draining == 0 && group.running().count == 1
            }
            try sluice.expectService()

            // The cloud is away: it is told, and the workers stay.
            group.server.kill()
            try Operator.expectProblem(
                ["pool workers", "the command to list", "look at pools.workers.cloud"],
                at: sluice
            )
            #expect(try sluice.status().pool?.ready == 1)
            try sluice.expectService()
            #expect(try sluice.stop() == .exited(0))
        }
    }

    @Test func worker_isRetiredByCommand_andReplaced() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.configuration(["min_workers": "2", "max_workers": "4"]))
            try Patience.wait(for: "two workers") { try sluice.status().pool?.ready == 2 }
            let retire = { (words: [String]) in try Operator.command(scene, sluice, ["controller", "retire"] + words) }
            // Who is not there is answered with who is.
            let missing = try retire(["workers", "nobody"])
            #expect(missing.end != .exited(0) && missing.errors.contains("has no worker nobody; known: workers-"))
            let known = missing.errors.components(separatedBy: "known: ").last ?? ""
            let ids = known.split { ", \n".contains($0) }.map(String.init)
            let victim = try #require(ids.first)
            let done = try retire(["workers", victim])
            #expect(done.end == .exited(0) && done.output.contains("\(victim) of the pool 'workers' drains"), "\(done)")
            try Patience.wait(for: "another one in its place") {
                let now = try retire(["workers", "nobody"]).errors
                return try !now.contains(victim) && sluice.status().pool?.ready == 2
            }
            try sluice.expectService()
            for (words, reason) in [
                (["others", victim], "there is no pool others"), (["wörkers", victim], "is no name of a pool"),
                (["workers", victim], "has no worker \(victim)"),
            ] {
                let result = try retire(words)
                #expect(result.end != .exited(0) && result.errors.contains(reason), "\(words): \(result.errors)")
            }
            // What a browser could send.
            let answer = try HTTPPeer(port: sluice.adminPort).request("POST", "/pools/workers/retire?worker=\(ids[1])")
            #expect(answer.status == 403)
        }
    }

    @Test func mode_isSetByCommand_shown_andEnds() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.configuration(["min_workers": "1", "max_workers": "4"]))
            let set = try Operator.command(
                scene,
                sluice,
                ["controller", "mode", "workers", "manual", "3", "--for", "30m"]
            )
            #expect(set.end == .exited(0) && set.output.hasPrefix("the pool 'workers' is set to manual 3 until "))
            try Patience.wait(for: "three workers") { try sluice.status().pool?.ready == 3 }
            let shown = try Operator.command(scene, sluice, ["status"]).output
            #expect(shown.contains("pool workers: mode manual by the operator until "), "\(shown)")
            #expect(shown.contains("3 workers; the policy would have 1 (minimum)"), "\(shown)")
            #expect(
                try Operator.command(scene, sluice, ["controller", "mode", "workers", "configured"]).end == .exited(0)
            )
            try Patience.wait(for: "the policy again") { try sluice.status().pool?.ready == 1 }
            #expect(try !Operator.command(scene, sluice, ["status"]).output.contains("mode manual"))
        }
    }

    @Test func mode_thatMakesNoSense_isRefused() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.configuration(["min_workers": "1", "max_workers": "1"]))
            for (words, reason) in [
                (["workers", "manual"], "manual needs a number"), (["workers", "frozen"], "is no mode"),
                (["workers", "freeze", "3"], "takes no number"), (["workers", "manual", "1001"], "from 0 to 1000"),
                (["workers", "freeze", "--for", "soon"], "--for is a duration"),
                (["workers", "freeze", "--for", "31d"], "30 days"), (["wörkers", "freeze"], "is no name of a pool"),
                (["others", "freeze"], "there is no pool others"),
            ] {
                let result = try Operator.command(scene, sluice, ["controller", "mode"] + words)
                #expect(result.end != .exited(0) && result.errors.contains(reason), "\(words): \(result.errors)")
            }
            // What a browser could send.
            let answer = try HTTPPeer(port: sluice.adminPort).request("POST", "/pools/workers/mode?mode=freeze")
            #expect(answer.status == 403)
        }
    }
}
