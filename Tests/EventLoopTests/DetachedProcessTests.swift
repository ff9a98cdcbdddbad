import CLinux
@testable import EventLoop
// Testing has a type of that name too.
import enum EventLoop.ExitStatus
import Glibc
import Primitives
import TestKit
import Testing

@Suite struct DetachedProcessTests {
    /// Starts `sh -c script`; its output goes nowhere.
    private func spawn(
        _ script: String,
        _ fixture: LoopFixture,
        mark: String = "none",
        _ ended: Handover<ExitStatus>
    ) throws -> LoopBound<DetachedProcess> {
        try fixture.run {
            let output = open("/dev/null", O_WRONLY | O_CLOEXEC)
            defer { close(output) }
            let process = try DetachedProcess.spawn(
                "sh",
                arguments: ["-c", script],
                environment: ["SLUICE_TEST_MARK": mark],
                mark: Self.processMark(mark),
                output: output,
                on: fixture.loop
            ) { ended.put($0) }
            return LoopBound(process, loop: fixture.loop)
        }
    }

    @Test func process_leadsASessionAndIsKnown_untilItEnds() throws {
        let fixture = try LoopFixture()
        let ended = Handover<ExitStatus>()
        let mark = "process_leadsASession \(getpid())"
        let process = try self.spawn("exec sleep 600", fixture, mark: mark, ended)
        let identity = try fixture.run { process.open().identity }
        #expect(getsid(identity.pid) == identity.pid)
        #expect(ProcessTable.identity(of: identity.pid) == identity && ProcessTable.isRunning(identity) == true)
        try fixture.waitUntil {
            ProcessTable.sessionLeaders(withVariable: "SLUICE_TEST_MARK").contains {
                $0.identity == identity && $0.value == mark
            }
        }
        #expect(ProcessTable.isRunning(Self.later(identity)) == false, "a later process with the same number")
        let elsewhere = ProcessIdentity(place: "nowhere/1.1", pid: identity.pid, startTicks: identity.startTicks)
        #expect(ProcessTable.isRunning(elsewhere) == nil)
        #expect(ProcessTable.isRunning(identity, under: "/nowhere") == nil, "not to be seen is not to have ended")
        try fixture.run { process.open().signal(SIGTERM) }
        #expect(try ended.take() == .signalled(SIGTERM))
        #expect(ProcessTable.isRunning(identity) == false)
        #expect(ProcessTable.isRunning(identity, under: "/nowhere") == false)
        try fixture.end()
    }

    /// `sh` ends at once; what it started takes no notice of being asked.
    @Test func group_whoseLeaderEnds_isEndedToo() throws {
        let fixture = try LoopFixture()
        let ended = Handover<ExitStatus>()
        let process = try self.spawn("sleep 600 & trap '' TERM; sleep 600 & exit 3", fixture, ended)
        let pid = try fixture.run { process.open().pid }
        #expect(try ended.take() == .exited(3))
        try fixture.waitUntil { ProcessTable.members(ofGroup: pid).isEmpty }
        try fixture.end()
    }

    /// What leaves the group takes the mark along, and is told from what others have started.
    @Test(arguments: [false, true])
    func childInItsOwnSession_isEndedToo(byAnother: Bool) throws {
        let fixture = try LoopFixture()
        let (ended, other) = (Handover<ExitStatus>(), Handover<ExitStatus>())
        let mark = "childInItsOwnSession \(getpid()) \(byAnother)"
        let stranger = try self.spawn("exec sleep 600", fixture, mark: mark + " of another", other)
        let process = try self.spawn(
            "setsid sleep 600 & setsid sh -c 'trap \"\" TERM; sleep 600' & exec sleep 600",
            fixture,
            mark: mark,
            ended
        )
        func marked() -> Int {
            ProcessTable.carriers(
                of: Self.processMark(mark),
                since: ProcessIdentity(place: ProcessTable.place, pid: 0, startTicks: 0)
            ).count
        }
        // Each that is asked not to end has a child, too.
        try fixture.waitUntil { marked() == 4 }
        let identity = try fixture.run { process.open().identity }
        if byAnother {
            try fixture.run { process.open().letGo() }
            kill(identity.pid, SIGKILL)
            try fixture.waitUntil { ProcessTable.isRunning(identity) == false }
            ProcessTable.endRest(of: identity, mark: Self.processMark(mark))
        } else {
            try fixture.run { process.open().signal(SIGTERM) }
            #expect(try ended.take() == .signalled(SIGTERM))
        }
        try fixture.waitUntil { marked() == 0 }
        #expect(try fixture.run { ProcessTable.isRunning(stranger.open().identity) } == true)
        try fixture.run { stranger.open().signal(SIGKILL) }
        _ = try other.take()
        try fixture.end()
    }

    private static func processMark(_ mark: String) -> ProcessMark {
        ProcessMark(variable: "SLUICE_TEST_MARK") { $0 == mark }
    }

    @Test func find_byAnother_isWatchedAndEnded() throws {
        let fixture = try LoopFixture()
        let (ended, seen) = (Handover<ExitStatus>(), Handover<ExitStatus>())
        let process = try self.spawn("exec sleep 600", fixture, ended)
        let identity = try fixture.run { process.open().identity }
        #expect(try !self.isFound(Self.later(identity), fixture))
        try fixture.run {
            let found = DetachedProcess.find(identity, on: fixture.loop) { seen.put($0) }
            process.open().letGo()
            if case .runs(let other) = found { other.signal(SIGKILL) }
        }
        #expect(try seen.take() == .unknown, "how it ended only its parent is told")
        #expect(try !self.isFound(identity, fixture))
        try fixture.end()
    }

    /// Without a descriptor left nothing can be said of a process that runs; of one that is gone it can.
    @Test(arguments: [EMFILE, ENFILE, ENOMEM, nil] as [Int32?])
    func find_ofWhatCannotBeSeen_saysSo(refusal: Int32?) throws {
        let fixture = try LoopFixture()
        let ended = Handover<ExitStatus>()
        let process = try self.spawn("exec sleep 600", fixture, ended)
        let identity = try fixture.run { process.open().identity }
        let look = {
            try fixture.run {
                let found = DetachedProcess.find(
                    identity,
                    on: fixture.loop,
                    // Refused no descriptor, it is the table that cannot be read.
                    under: refusal == nil ? "/nowhere" : "/proc",
                    openHandle: { pid in
                        guard let refusal else { return sluice_pidfd_open(pid) }
                        errno = refusal
                        return -1
                    },
                    onExit: { _ in }
                )
                return switch found {
                case .runs: "runs"
                case .ended: "ended"
                case .unseen: "unseen"
                }
            }
        }
        #expect(try look() == "unseen")
        try fixture.run { process.open().signal(SIGKILL) }
        #expect(try ended.take() == .signalled(SIGKILL))
        #expect(try look() == "ended")
        try fixture.end()
    }

    private static func later(_ identity: ProcessIdentity) -> ProcessIdentity {
        ProcessIdentity(place: identity.place, pid: identity.pid, startTicks: identity.startTicks + 1)
    }

    private func isFound(_ identity: ProcessIdentity, _ fixture: LoopFixture) throws -> Bool {
        try fixture.run {
            if case .runs = DetachedProcess.find(identity, on: fixture.loop, onExit: { _ in }) { true } else { false }
        }
    }
}
