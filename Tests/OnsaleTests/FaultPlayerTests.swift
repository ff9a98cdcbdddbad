import EventLoop
import Foundation
import Glibc
import Primitives
import TestKit
import Testing
import Transport

@testable import onsale

/// Faults carried out on real processes: shell scripts that speak as the program under test does.
@Suite struct FaultPlayerTests {
    /// Two workers, and the lines that tell where it listens. Ends at once while the file `broken` lies beside it, which it
    /// takes away.
    static let script = """
        #!/bin/sh
        if rm "${0%/*}/broken" 2>/dev/null; then exit 1; fi
        tail -f /dev/null &
        tail -f /dev/null &
        echo "gateway listening on 127.0.0.1:9"
        echo "admin listening on 127.0.0.1:9"
        wait
        """

    final class Rig {
        let folder: RunPartsTests.Folder
        let fixture: LoopFixture
        let site: LoopBound<SiteProcesses>
        let children: LoopBound<Children>
        private var player: LoopBound<FaultPlayer>?

        init(isApart: Bool, script: String = FaultPlayerTests.script) throws {
            self.folder = try RunPartsTests.Folder()
            self.fixture = try LoopFixture()
            let (path, loop) = (self.folder.path, self.fixture.loop)
            let program = try self.folder.program(script)
            (self.site, self.children) = try self.fixture.run {
                let children = Children(loop: loop)
                let site = SiteProcesses(
                    sluice: program,
                    folder: path,
                    log: "\(path)/log",
                    isApart: isApart,
                    listen: SiteProcesses.anyPort,
                    children: children
                )
                try site.start(isApart ? .gateway : .site)
                return (LoopBound(site, loop: loop), LoopBound(children, loop: loop))
            }
            try self.fixture.waitUntil { [site] in
                try self.fixture.run { site.open().isListening(site.open().gatewayPart) }
            }
        }

        func pid(_ part: SiteProcesses.Part) throws -> Int32? {
            try self.fixture.run { [site] in site.open().child(part)?.pid }
        }

        func asked<Answer: Sendable>(_ question: @escaping @Sendable (SiteProcesses) -> Answer) throws -> Answer {
            try self.fixture.run { [site] in question(site.open()) }
        }

        func workers(_ part: SiteProcesses.Part) throws -> [Int32] {
            try self.pid(part).map { ProcessTable().workers(of: $0).map(\.pid).sorted() } ?? []
        }

        func play(_ text: String) throws {
            let fault = try TimedFault(parsing: text)
            let schedule = try FaultSchedule([fault], durationSeconds: 1_000)
            let loop = self.fixture.loop
            self.player = try self.fixture.run { [site] in
                let player = FaultPlayer(schedule, site.open(), startedAt: MonotonicClock.now(), on: loop)
                player.start()
                return LoopBound(player, loop: loop)
            }
        }

        func deeds() throws -> [String] {
            guard let player = self.player else { return [] }
            return try self.fixture.run { player.open().deeds.map(\.words) }
        }

        func endFaults() throws {
            guard let player = self.player else { return }
            try self.fixture.run { player.open().end() }
        }

        func end() throws {
            try self.fixture.run { [site, children] in
                site.open().endBegins()
                children.open().killAll()
            }
            try self.fixture.waitUntil { [children] in
                try self.fixture.run { children.open().isEmpty && children.open().leftovers.isEmpty }
            }
            try self.fixture.end()
        }
    }

    /// `T` while a signal has stopped it.
    static func isStopped(_ pid: Int32) -> Bool { Self.state(pid) == "T" }

    /// Not of one that has ended and whose end nobody has asked for yet.
    static func runs(_ pid: Int32) -> Bool { !["", "Z", "X"].contains(Self.state(pid)) }

    private static func state(_ pid: Int32) -> String {
        let line = FileManager.default.contents(atPath: "/proc/\(pid)/stat").map { String(decoding: $0, as: UTF8.self) }
        return line?.split(separator: ")").last?.split(separator: " ").first.map(String.init) ?? ""
    }

    @Test func worker_thatHasRunLongest_isKilled_andTheOtherIsNot() throws {
        let rig = try Rig(isApart: false)
        let workers = try rig.workers(.site)
        #expect(workers.count == 2)
        try rig.play("0s kill worker")
        try rig.fixture.waitUntil { try rig.workers(.site) == [workers[1]] }
        #expect(try rig.deeds() == ["a worker was killed (process \(workers[0]))"])
        try rig.end()
    }

    /// Its worker has no parent any more, as after the death of the controller that started it.
    private static let scriptWithAnOrphan = """
        #!/bin/sh
        (SLUICE_WORKER="tickets w-1 0 /log" setsid tail -f /dev/null >/dev/null & echo $! > "${0%/*}/worker")
        echo "gateway listening on 127.0.0.1:9"
        echo "admin listening on 127.0.0.1:9"
        tail -f /dev/null & wait
        """

    /// Seen before: only the children of the controller that runs were looked at, so that a fault found no worker, or chose
    /// the youngest.
    @Test func workerThatWasAdopted_isFound_andEndsWithTheRun() throws {
        let rig = try Rig(isApart: true, script: Self.scriptWithAnOrphan)
        let orphan = try #require(Int32(rig.folder.text("worker").trimmingCharacters(in: .newlines)))
        // It becomes a session's first process a moment after its start.
        try rig.fixture.waitUntil { try rig.asked { $0.workers.map(\.pid) } == [orphan] }
        try rig.play("0s stop worker for 300s")
        try rig.fixture.waitUntil { Self.isStopped(orphan) }
        try rig.endFaults()
        try rig.fixture.waitUntil { !Self.isStopped(orphan) }
        // Nobody but the run ends it.
        try rig.end()
        #expect(!Self.runs(orphan))
    }

    /// By processes alone: nobody tells of it, and its parent has gone.
    @Test func census_countsTheWorkersOfThePoolThatLive() throws {
        let rig = try Rig(isApart: true, script: Self.scriptWithAnOrphan)
        let orphan = try #require(Int32(rig.folder.text("worker").trimmingCharacters(in: .newlines)))
        let mark = try rig.fixture.run { [children = rig.children] in children.open().mark }
        var census = WorkerCensus(of: mark, pool: "tickets")
        var others = [WorkerCensus(of: mark, pool: "ticket"), WorkerCensus(of: RunMark(), pool: "tickets")]
        // It becomes a session's first process a moment after its start.
        try rig.fixture.waitUntil { census.count() == 1 }
        for _ in 0..<3 {
            let counts = [census.count(), others[0].count(), others[1].count()]
            #expect(counts == [1, 0, 0])
        }
        kill(orphan, SIGKILL)
        try rig.fixture.waitUntil { census.count() == 0 }
        try rig.end()
    }

    @Test func partThatIsStopped_goesOn_atTheLatestWhenTheRunEnds() throws {
        let rig = try Rig(isApart: true)
        let pid = try #require(try rig.pid(.gateway))
        try rig.play("0s stop gateway for 300s")
        try rig.fixture.waitUntil { Self.isStopped(pid) }
        try rig.endFaults()
        try rig.fixture.waitUntil { !Self.isStopped(pid) }
        try rig.play("0s stop gateway for 100ms")
        try rig.fixture.waitUntil { try rig.deeds().count == 2 }
        #expect(try rig.deeds().last == "the gateway goes on")
        try rig.fixture.waitUntil { !Self.isStopped(pid) }
        try rig.end()
    }

    /// One and the same, however often it is stopped, and it runs when that is over.
    @Test func workerThatIsSlow_isOneOfThem() throws {
        let rig = try Rig(isApart: false)
        let workers = try rig.workers(.site)
        try rig.play("0s slow worker for 300s")
        for _ in 0..<2 {
            try rig.fixture.waitUntil { Self.isStopped(workers[0]) }
            try rig.fixture.waitUntil { !Self.isStopped(workers[0]) }
        }
        #expect(try rig.workers(.site) == workers && !Self.isStopped(workers[1]))
        try rig.endFaults()
        try rig.fixture.waitUntil { !Self.isStopped(workers[0]) }
        #expect(try rig.deeds() == ["a worker is slow for 300 s"])
        try rig.end()
    }

    private static let scriptThatTellsItsFile = """
        #!/bin/sh
        echo "$SLUICE_WORKER_ERRORS" > "${0%/*}/place"
        echo "gateway listening on 127.0.0.1:9"
        echo "admin listening on 127.0.0.1:9"
        tail -f /dev/null & wait
        """

    /// What the site starts knows the file by its environment, and so do workers that it starts in the middle.
    @Test func errors_areAskedForInAFile_untilTheyAreOverOrTheRunIs() throws {
        let rig = try Rig(isApart: false, script: Self.scriptThatTellsItsFile)
        let path = rig.folder.text("place").trimmingCharacters(in: .newlines)
        #expect(path == "\(rig.folder.path)/errors")
        try rig.play("0s errors 10% for 300s")
        try rig.fixture.waitUntil { rig.folder.text("errors") == "0.1" }
        try rig.endFaults()
        #expect(access(path, F_OK) == -1)
        try rig.play("0s errors 2.5% for 100ms")
        try rig.fixture.waitUntil { try rig.deeds().count == 2 }
        #expect(
            try rig.deeds() == ["workers answer 2.5% of the requests with 500 for 0.1 s", "workers answer as before"]
        )
        #expect(access(path, F_OK) == -1)
        try rig.end()
    }

    /// Also when the first try fails, and the run goes on meanwhile.
    @Test func partThatIsKilled_isStartedAgain() throws {
        let rig = try Rig(isApart: true)
        let former = try rig.pid(.gateway)
        try Data().write(to: URL(fileURLWithPath: "\(rig.folder.path)/broken"))
        try rig.play("0s kill gateway for 100ms")
        try rig.fixture.waitUntil {
            try rig.pid(.gateway) != former && rig.asked { $0.isListening(.gateway) }
        }
        #expect(!FileManager.default.fileExists(atPath: "\(rig.folder.path)/broken"))
        #expect(try rig.asked { $0.unexpectedEnd == nil })
        // The visitors know it by this address.
        #expect(try rig.asked { $0.listen(.gateway) } == "127.0.0.1:9")
        try rig.end()
    }

    @Test func partThatEndsByItself_isNotStartedAgain() throws {
        let rig = try Rig(isApart: true)
        let pid = try #require(try rig.pid(.gateway))
        kill(pid, SIGKILL)
        try rig.fixture.waitUntil { try rig.asked { $0.unexpectedEnd?.part == .gateway } }
        #expect(try rig.pid(.gateway) == nil)
        try rig.end()
    }

    @Test func faultWithoutAVictim_saysSo() throws {
        let rig = try Rig(isApart: true)
        try rig.play("0s stop controller for 100ms")
        try rig.fixture.waitUntil { try !rig.deeds().isEmpty }
        #expect(try rig.deeds().first?.hasPrefix("the controller was not there") == true)
        try rig.end()
    }
}
