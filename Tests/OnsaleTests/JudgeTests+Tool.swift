import Primitives
import Testing

@testable import onsale

/// What the load tool's own slowness does to a verdict.
extension JudgeTests {
    static func slowTool(_ evidence: inout Evidence) {
        Self.tally { tally in
            for _ in 0..<2 { tally.wasLate(nanoseconds: 101_000_000) }
        }(&evidence)
    }

    @Test func slowTool_makesTheRunVoid() {
        let verdict = Self.verdict(Self.slowTool)
        #expect(verdict.isInvalid && verdict.exitCode == .toolTooSlow)
    }

    /// A slow tool makes answers look late, but no gateway hand out errors: what it cannot have caused stands.
    @Test func slowTool_excusesOnlyWhatItMayHaveCaused() {
        let now = Instant(nanoseconds: 9_000_000_000)
        func verdict(_ change: @escaping (inout Tally) -> Void) -> Verdict {
            Self.verdict { evidence in
                Self.slowTool(&evidence)
                Self.tally(change)(&evidence)
            }
        }
        let late = now.advanced(byNanoseconds: 300_000_000)
        let slow = verdict { tally in for _ in 0..<3 { tally.heard(.inside, due: now, sentAt: now, now: late) } }
        #expect(slow.checks.contains { $0.name == .latency && $0.outcome == .failed })
        #expect(slow.isInvalid && slow.exitCode == .toolTooSlow)
        let errors = verdict { $0.heard(.error(.gatewayError), due: now, sentAt: now, now: now) }
        #expect(!errors.isInvalid && errors.exitCode == .broken)
    }

    /// Answers are as late as the tool was: where they miss by no more than that, the tool may have done it.
    @Test(arguments: [
        (answerMillis: 270, lateMillis: 30, exit: Verdict.ExitCode.toolTooSlow),
        // Less than a tenth of the objective.
        (270, 20, .broken),
        // The tool cannot explain it, or has missed nothing.
        (400, 30, .broken), (240, 90, .good),
    ])
    func objectives_missedByWhatTheToolWasLate_makeTheRunVoid(
        answerMillis: Int64,
        lateMillis: Int64,
        exit: Verdict.ExitCode
    ) throws {
        let now = Instant(nanoseconds: 9_000_000_000)
        let verdict = Self.verdict { evidence in
            Self.tally { tally in
                for _ in 0..<200 {
                    tally.wasLate(nanoseconds: lateMillis * 1_000_000)
                    let then = now.advanced(byNanoseconds: answerMillis * 1_000_000)
                    tally.heard(.inside, due: now, sentAt: now, now: then)
                }
            }(&evidence)
        }
        #expect(verdict.exitCode == exit)
        let tool = try #require(verdict.checks.first { $0.name == .tool })
        #expect((tool.outcome == .failed) == (exit == .toolTooSlow))
        #expect(tool.detail.contains("Answers inside come within the objective") == (exit == .toolTooSlow))
    }

    /// What was missed for sure is missed, whatever else is in doubt.
    @Test(arguments: [
        (objectives: ["inside.p99<200ms"], isDoubt: true), (["inside.raw.p99<200ms"], true),
        (["inside.p99<200ms", "inside.p99<100ms"], false), (["inside.p99>300ms"], false), (["inside.p99<300ms"], false),
    ])
    func objectives_thatWereAsked_areInDoubtTogether(objectives: [String], isDoubt: Bool) throws {
        let now = Instant(nanoseconds: 9_000_000_000)
        var evidence = Self.goodEvidence()
        Self.tally { tally in
            for _ in 0..<200 {
                tally.wasLate(nanoseconds: 30_000_000)
                tally.heard(.inside, due: now, sentAt: now, now: now.advanced(byNanoseconds: 240_000_000))
            }
        }(&evidence)
        let result = RunResult(evidence)
        let asked = try objectives.map { ObjectiveResult(try Objective(parsing: $0), of: result) }
        let verdict = Judge(objectives: Objectives(), evidence: evidence, asked: asked).verdict()
        let tool = try #require(verdict.checks.first { $0.name == .tool })
        #expect(tool.isDoubt == (isDoubt ? true : nil) && (tool.outcome == .failed) == isDoubt, "\(tool)")
    }

    /// Lateness is that of the worst second and of the one before: what the tool did at another time says nothing of it.
    @Test(arguments: [(lateIn: 10, isInDoubt: true), (9, true), (50, false), (11, false)])
    func worstSecond_isInDoubt_whereTheToolWasLateInIt(lateIn: Int, isInDoubt: Bool) throws {
        let start = Self.start
        var timeline = Timeline()
        for second in 0..<60 {
            var tally = Tally()
            let answeredAt = start.advanced(byNanoseconds: second == 10 ? 900_000_000 : 40_000_000)
            for _ in 0..<200 {
                tally.wasLate(nanoseconds: second == lateIn ? 400_000_000 : 1_000_000)
                tally.heard(.inside, due: start, sentAt: start, now: answeredAt)
            }
            timeline.append(tally, Gauges())
        }
        let result = RunResult(Evidence(startedMicros: 0, timeline: timeline))
        let objective = ObjectiveResult(try Objective(parsing: "inside.worst_second<500ms"), of: result)
        #expect(!objective.isReached && objective.isInDoubt == isInDoubt, "\(objective.toolLateness ?? -1)")
    }

    /// A second in which the tool stood still is less than one in a hundred timers of a long run.
    @Test func toolThatStoodStill_isFound() {
        let verdict = Self.verdict { evidence in
            for second in 0..<100 {
                var tally = Tally()
                for _ in 0..<200 { tally.wasLate(nanoseconds: 1_000_000) }
                if second == 50 { for _ in 0..<20 { tally.wasLate(nanoseconds: 800_000_000) } }
                evidence.timeline.append(tally, .withWorkers(1))
            }
        }
        #expect(verdict.exitCode == .toolTooSlow)
    }

    /// Nobody is to take a crowd that opens connections anew for one that keeps them.
    @Test(arguments: [0, 1_234])
    func connectionsGivenUp_areToldInTheLineOfTheTool(count: Int) throws {
        let verdict = Self.verdict(Self.tally { tally in for _ in 0..<count { tally.gaveUpConnection() } })
        let tool = try #require(verdict.checks.first { $0.name == .tool })
        let words = "; from three quarters of the open files on, 1,234 connections were not kept between two requests"
        #expect(tool.outcome == .passed && tool.detail.hasSuffix(words) == (count > 0), "\(tool.detail)")
    }
}
