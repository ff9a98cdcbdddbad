import Glibc
import Testing
import TestKit

/// A gateway that runs out of what the system gives it, and comes back.
@Suite(.onOwnThread) struct ExhaustionTests {
    private static let descriptors = 160

    private func start(_ scene: Scene, loops: String, under wrapper: [String]) throws -> SluiceProcess {
        let worker = try scene.startWorker(RawWorker.answering())
        var configuration = RequestTests.open()
        configuration.use([worker])
        configuration.loops = loops
        // More than there are descriptors for.
        configuration.limits["connections"] = "1000"
        return try scene.start(configuration, under: wrapper)
    }

    /// Seen before: each connection that came while there were no descriptors began a chain of retries of its own, each
    /// ten times a second, so that the loops had ever more to do for nothing.
    /// Not under a sanitizer: a process without descriptors cannot start what finds the names of its report, and without
    /// names what is known and suppressed (Config/thread-sanitizer.supp) is a finding.
    @Test(.enabled(if: Patience.slowness == 1), arguments: ["1", "2"])
    func descriptors_exhausted_fewRetriesAndThenServiceAgain(loops: String) throws {
        try Scene.play { scene in
            let limit = ["prlimit", "--nofile=\(Self.descriptors):\(Self.descriptors)"]
            let sluice = try self.start(scene, loops: loops, under: limit)
            // The listener of the figures needs a descriptor as well: this one stays.
            let admin = try HTTPPeer(port: sluice.adminPort)
            func turns() throws -> Double {
                let text = try admin.request("GET", "/metrics").text
                let line = text.split(separator: "\n").first { $0.hasPrefix("sluice_loop_turns_total ") }
                return Double(line?.split(separator: " ").last ?? "") ?? 0
            }
            var peers: [RawPeer] = []
            for _ in 0..<400 { peers.append(try RawPeer(port: sluice.port)) }
            // The seconds enclose both looks at the turns, however long those take.
            let (start, before) = (Patience.nowMilliseconds, try turns())
            try Patience.pass(milliseconds: 2_000)
            let taken = try turns() - before
            let perSecond = taken * 1_000 / Double(Patience.nowMilliseconds - start)
            #expect(
                perSecond < 150 * (Double(loops) ?? 1),
                "\(perSecond) turns a second while there is nothing to be done"
            )
            peers = []
            try Patience.wait(for: "service") {
                (try? HTTPPeer(port: sluice.port).request("GET", "/").status) == 200
            }
            try sluice.expectService()
            #expect(sluice.process.endIfEnded == nil)
        }
    }

    /// Whether this machine lets one process make the system calls of another fail.
    private static let canInject: Bool = {
        let process = try? RunningProcess(
            "strace",
            ["-D", "-e", "trace=none", "/bin/true"],
            folder: "/tmp",
            name: "sluice-strace-\(getpid())"
        )
        return (try? process?.waitForEnd()) == .exited(0)
    }()

    /// Seen before: an `accept` that failed for any other reason was not tried again until the next connection came, and
    /// the client that had come waited in vain.
    @Test(.enabled(if: Self.canInject), arguments: ["EPROTO", "EPERM", "ENOBUFS", "ECONNABORTED", "ENETDOWN"])
    func accept_fails_isTriedAgain(error: String) throws {
        try Scene.play { scene in
            let inject = [
                "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=accept4", "-e",
                "inject=accept4:error=\(error):when=6..9",
            ]
            let sluice = try self.start(scene, loops: "1", under: inject)
            // Several times over the calls that fail, each a client that nobody comes after.
            for _ in 0..<12 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200) }
        }
    }
}
