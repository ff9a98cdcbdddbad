import EventLoop
import Glibc
import Primitives
import TestKit
import Testing

// Testing has a type of that name too.
import enum EventLoop.ExitStatus

/// Real programs, run to their end.
@Suite struct CommandRunTests {
    private func start(
        _ words: [String],
        _ fixture: LoopFixture,
        timeoutNanoseconds: Int64 = 600 * Nanoseconds.perSecond,
        maxOutputBytes: Int = 1_000,
        _ ended: Handover<CommandRun.Outcome>
    ) throws -> LoopBound<CommandRun> {
        try fixture.run {
            let run = try CommandRun(
                words[0],
                arguments: Array(words.dropFirst()),
                timeoutNanoseconds: timeoutNanoseconds,
                maxOutputBytes: maxOutputBytes,
                on: fixture.loop
            ) { ended.put($0) }
            return LoopBound(run, loop: fixture.loop)
        }
    }

    private func outcome(
        _ words: [String],
        timeoutNanoseconds: Int64 = 600 * Nanoseconds.perSecond,
        maxOutputBytes: Int = 1_000
    ) throws -> CommandRun.Outcome {
        let fixture = try LoopFixture()
        let ended = Handover<CommandRun.Outcome>()
        let run = try self.start(
            words,
            fixture,
            timeoutNanoseconds: timeoutNanoseconds,
            maxOutputBytes: maxOutputBytes,
            ended
        )
        let outcome = try ended.take()
        _ = run
        try fixture.end()
        return outcome
    }

    @Test func program_thatEnds_tellsItsStatusAndWhatItSaid() throws {
        let outcome = try self.outcome(["sh", "-c", "printf 'one\\ntwo'; echo trouble >&2; exit 3"])
        #expect(outcome.status == .exited(3) && !outcome.isLate && !outcome.isCut)
        #expect(outcome.output == Array("one\ntwo".utf8) && outcome.errors == Array("trouble\n".utf8))
    }

    /// What would be something to a shell is a letter as any other; nothing comes in.
    @Test func arguments_areReadByNoShell_andTheInputIsEmpty() throws {
        let text = "$(id) `id` ; * \"'"
        #expect(try self.outcome(["printf", "%s", text]).output == Array(text.utf8))
        #expect(try self.outcome(["cat"]) == CommandRun.Outcome(status: .exited(0)))
    }

    @Test func output_beyondTheLimit_isCut_andTheProgramGoesOn() throws {
        let outcome = try self.outcome(["sh", "-c", "head -c 3000000 /dev/zero; echo last >&2"], maxOutputBytes: 5_000)
        #expect(outcome.status == .exited(0) && outcome.isCut && outcome.output.count == 5_000)
        let errors = try self.outcome(["sh", "-c", "head -c 3000000 /dev/zero >&2; echo last >&2"]).errors
        #expect(errors.count == CommandRun.keptErrorBytes && errors.suffix(5) == Array("last\n".utf8))
    }

    @Test func program_thatTakesTooLong_isToldToEnd() throws {
        let outcome = try self.outcome(["sleep", "600"], timeoutNanoseconds: 100 * Nanoseconds.perMillisecond)
        #expect(outcome.status == .signalled(SIGTERM) && outcome.isLate)
    }

    @Test func program_thatTakesNoNotice_isKilledWithWhatItStarted() throws {
        let fixture = try LoopFixture()
        let ended = Handover<CommandRun.Outcome>()
        let run = try self.start(
            ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait; sleep 600"],
            fixture,
            timeoutNanoseconds: 500 * Nanoseconds.perMillisecond,
            ended
        )
        let outcome = try ended.take()
        _ = run
        #expect(outcome.status == .signalled(SIGKILL) && outcome.isLate)
        // Where the machine is so slow that it was killed before it could say so, there is nothing to look at.
        let said = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").first
        if let pid = said.flatMap({ Int32($0) }) {
            try fixture.waitUntil { ProcessTable.identity(of: pid) == nil || Self.isZombie(pid) }
        }
        try fixture.end()
    }

    private static func isZombie(_ pid: Int32) -> Bool {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return true }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return true }
        return String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(") Z ")
    }

    /// Nobody waits for what it leaves behind, though that holds its outputs.
    @Test func program_thatLeavesAnotherBehind_hasEnded() throws {
        let outcome = try self.outcome(["sh", "-c", "sleep 30 & echo done"])
        #expect(outcome.status == .exited(0) && outcome.output == Array("done\n".utf8))
    }

    @Test func cancelled_itIsToldToEnd_andNobodyHearsOfIt() throws {
        let fixture = try LoopFixture()
        let ended = Handover<CommandRun.Outcome>()
        let isThere = Handover<CommandRun.Outcome>()
        let run = try self.start(["sleep", "600"], fixture, ended)
        try fixture.run { run.open().cancel() }
        // One that is started later ends later.
        let next = try self.start(["sh", "-c", "exit 0"], fixture, isThere)
        #expect(try isThere.take().status == .exited(0))
        try fixture.run { run.open().cancel() }
        _ = next
        try fixture.end()
    }

    @Test func program_thatIsNotThere_cannotBeStarted() throws {
        let fixture = try LoopFixture()
        let ended = Handover<CommandRun.Outcome>()
        #expect(throws: SystemError.self) { _ = try self.start(["/no/such/program"], fixture, ended) }
        try fixture.end()
    }
}
