import CLinux
import Dispatch
import EventLoop
// Testing has a type of that name too.
import enum EventLoop.ExitStatus
import Foundation
import TestKit
import Glibc
import Primitives
import Testing

/// One at a time: signals belong to the process.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ProcessTests {
    private func exit(
        of executable: String,
        _ arguments: [String],
        _ then: @escaping @Sendable (ChildProcess) -> Void = { _ in }
    ) throws -> ExitStatus {
        let fixture = try LoopFixture()
        let ended = Handover<ExitStatus>()
        try fixture.run {
            let child = try ChildProcess.spawn(executable, arguments: arguments, on: fixture.loop) { ended.put($0) }
            then(child)
        }
        let status = try ended.take()
        try fixture.end()
        return status
    }

    @Test(arguments: [0, 1, 77] as [Int32])
    func child_thatExits_tellsItsCode(code: Int32) throws {
        #expect(try self.exit(of: "sh", ["-c", "exit \(code)"]) == .exited(code))
    }

    @Test func child_thatIsSignalled_tellsTheSignal() throws {
        #expect(try self.exit(of: "/bin/sleep", ["60"]) { $0.signal(SIGTERM) } == .signalled(SIGTERM))
    }

    /// Seen before: a pipe of a library's was read to its end, which another child held open that had nothing to do with it.
    @Test func child_hasNoDescriptorsButItsThree() throws {
        let file = open("/dev/null", O_RDONLY)
        #expect(file != -1)
        defer { close(file) }
        #expect(try self.exit(of: "sh", ["-c", "[ ! -e /proc/$$/fd/\(file) ]"]) == .exited(0))
    }

    /// `cat` ends when its input does, which is when the parent's handle is gone.
    @Test func child_whoseParentLetsGo_seesItsInputEnd() throws {
        let fixture = try LoopFixture()
        var ends: [Int32] = [-1, -1]
        #expect(sluice_pipe(&ends) != -1)
        let report = "/proc/\(getpid())/fd/\(ends[1])"
        try fixture.run {
            let script = "cat; echo over > \(report)"
            _ = try ChildProcess.spawn("sh", arguments: ["-c", script], on: fixture.loop) { _ in }
        }
        try fixture.end()
        var answer = [UInt8](repeating: 0, count: 5)
        var event = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&event, 1, Int32(LoopFixture.deadlineSeconds) * 1_000) == 1)
        #expect(read(ends[0], &answer, 5) == 5)
        #expect(String(decoding: answer, as: UTF8.self) == "over\n")
        for end in ends { close(end) }
    }

    /// The loop ends first. The child is reaped all the same: its number is free again, and no zombie stays.
    @Test func child_thatOutlivesItsLoop_isReaped() throws {
        let fixture = try LoopFixture()
        let pid = try fixture.run {
            // Ends when its input does, which is when the loop and with it the parent's end of the pipe are gone.
            try ChildProcess.spawn("cat", arguments: [], on: fixture.loop) { _ in }.pid
        }
        #expect(kill(pid, 0) == 0)
        try fixture.end()
        let deadline = DispatchTime.now() + .seconds(LoopFixture.deadlineSeconds)
        // A zombie still takes signals.
        while kill(pid, 0) == 0, DispatchTime.now() < deadline { sched_yield() }
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }

    @Test func child_environment_isAddedToTheParents() throws {
        let script = "[ \"$SLUICE_TEST_WORD\" = here ] && [ -n \"$PATH\" ]"
        let fixture = try LoopFixture()
        let ended = Handover<ExitStatus>()
        try fixture.run {
            _ = try ChildProcess.spawn(
                "sh",
                arguments: ["-c", script],
                environment: ["SLUICE_TEST_WORD": "here"],
                on: fixture.loop
            ) { ended.put($0) }
        }
        #expect(try ended.take() == .exited(0))
        try fixture.end()
    }

    @Test func child_thatDoesNotExist_isAnErrorThatNamesIt() throws {
        let fixture = try LoopFixture()
        let message = try fixture.run {
            do {
                _ = try ChildProcess.spawn("/nowhere/at/all", arguments: [], on: fixture.loop) { _ in }
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(message.contains("/nowhere/at/all") && message.contains("No such file"))
        try fixture.end()
    }

    @Test func lineReader_longAndSplitLines_cutsAndJoins() throws {
        let fixture = try LoopFixture()
        let ended = Handover<ExitStatus>()
        let lengths = Record<[Int]>([])
        try fixture.run {
            let script = "head -c 10000 /dev/zero | tr '\\0' x; echo; printf ab; printf 'cd\\n\\n'"
            let child = try ChildProcess.spawn("sh", arguments: ["-c", script], on: fixture.loop) { ended.put($0) }
            _ = try LineReader(loop: fixture.loop, fd: child.takeOutput()!) { line in
                lengths.update { $0.append(line.utf8.count) }
            }
        }
        _ = try ended.take()
        try fixture.waitUntil { lengths.value == [LineReader.maxLineBytes, 4, 0] }
        try fixture.end()
    }

    /// A child that floods its output shares the loop with everybody else: no turn reads more than its share.
    @Test(arguments: ["x", "lines"])
    func lineReader_floodOfTenMegabytes_letsOthersHaveTheirTurns(kind: String) throws {
        let fixture = try LoopFixture()
        var ends: [Int32] = [-1, -1]
        #expect(sluice_pipe(&ends) != -1)
        #expect(sluice_set_nonblocking(ends[0]) != -1)
        let total = kind == "lines" ? 512 * 1024 : 10 * 1024 * 1024
        let piece = [UInt8](repeating: kind == "lines" ? 0x0A : 0x78, count: 65_536)
        let lines = Record<[UInt64: Int]>([:])
        let turns = Record<Set<UInt64>>([])
        let (input, output) = (ends[0], ends[1])
        let isWritten = Handover<Void>()
        Thread.detachNewThread {
            var written = 0
            while written < total {
                let count = piece.withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                precondition(count > 0)
                written += count
            }
            close(output)
            isWritten.put(())
        }
        try fixture.run {
            _ = try LineReader(loop: fixture.loop, fd: input) { _ in
                lines.update { $0[fixture.loop.turns, default: 0] += 1 }
            }
            // Another piece of work, which comes up in every turn.
            func again() {
                turns.update { $0.insert(fixture.loop.turns) }
                fixture.loop.onNextTurn { if fixture.loop.descriptorCount > 0 { again() } }
            }
            again()
        }
        try isWritten.take()
        try fixture.waitUntil { try fixture.run { fixture.loop.descriptorCount } == 0 }
        #expect(turns.value.count >= total / (LineReader.maxBytesPerTurn + 4_096))
        #expect(lines.value.values.max() ?? 0 <= LineReader.maxLinesPerTurn + 4_096)
        #expect(lines.value.values.reduce(0, +) == (kind == "lines" ? total : 0))
        try fixture.end()
    }

    @Test func signal_toAnIdleLoop_reachesTheHandlerInATurn() throws {
        let fixture = try LoopFixture()
        let seen = Handover<Int32>()
        let source = SignalSource([SIGUSR1, SIGUSR2], on: fixture.loop) { number in
            // A timer armed by the handler must wake the loop that has nothing else to do.
            fixture.loop.after(nanoseconds: 5_000_000) { seen.put(number) }
        }
        try fixture.run {}
        for _ in 0..<20 {
            kill(getpid(), SIGUSR2)
            #expect(try seen.take() == SIGUSR2)
        }
        withExtendedLifetime(source) {}
        try fixture.end()
    }

    /// Whichever thread takes it: one that handles signals, and one that keeps them from being handled.
    @Test(arguments: [false, true]) func signal_takenByAnyThread_reachesTheHandler(isBlocked: Bool) throws {
        let fixture = try LoopFixture()
        let seen = Handover<Int32>()
        let source = SignalSource([SIGUSR1], on: fixture.loop) { seen.put($0) }
        try fixture.run {}
        Thread.detachNewThread {
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGUSR1)
            pthread_sigmask(isBlocked ? SIG_BLOCK : SIG_UNBLOCK, &set, nil)
            if isBlocked { kill(getpid(), SIGUSR1) } else { pthread_kill(pthread_self(), SIGUSR1) }
        }
        #expect(try seen.take() == SIGUSR1)
        withExtendedLifetime(source) {}
        try fixture.end()
    }
}
