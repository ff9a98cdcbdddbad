import EventLoop
import Testing

@testable import Controller

// Testing has a type of that name too.
import enum EventLoop.ExitStatus

/// What is made of how a command ended.
@Suite struct OperatorCommandTests {
    private func failure(_ outcome: CommandRun.Outcome) -> String? {
        if case .failure(let failure) = OperatorCommand.result(outcome) { failure.what } else { nil }
    }

    @Test func success_isWhatItPrinted() {
        var outcome = CommandRun.Outcome(status: .exited(0))
        outcome.output = Array("i-1 10.0.0.1 running\n".utf8)
        outcome.errors = Array("a warning\n".utf8)
        #expect(OperatorCommand.result(outcome) == .success(outcome.output))
    }

    @Test func failure_tellsHow_andTheLastLines() {
        var outcome = CommandRun.Outcome(status: .exited(255))
        outcome.errors = Array("one\ntwo\nthree\n\u{1B}[31mExpiredToken\n".utf8)
        #expect(
            self.failure(outcome)
                == "it ended with exit code 255; the last that it said: two | three | [31mExpiredToken"
        )
        outcome.isLate = true
        #expect(self.failure(outcome)?.contains("took too long") == true)
        outcome = CommandRun.Outcome(status: .exited(0))
        outcome.isCut = true
        #expect(self.failure(outcome) == "it printed more than 262144 bytes")
    }

    @Test func freePorts_areFree_andNoneIsToldTwice() throws {
        let ports = FreePorts()
        let told = try (0..<500).map { _ in try ports.next() }
        #expect(Set(told).count == 500 && !told.contains(0))
    }
}
