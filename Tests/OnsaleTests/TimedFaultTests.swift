import Foundation
import Settings
import Testing

@testable import onsale

/// How faults are written, and what becomes of them in time.
@Suite struct TimedFaultTests {
    static func schedule(_ texts: [String], seconds: Double = 100) throws -> FaultSchedule {
        try FaultSchedule(texts.map { try TimedFault(parsing: $0) }, durationSeconds: seconds)
    }

    @Test(arguments: [
        ("30s kill worker", TimedFault(seconds: 30, action: .kill(.worker, downSeconds: 0))),
        ("1.5m kill gateway", TimedFault(seconds: 90, action: .kill(.gateway, downSeconds: 2))),
        ("500ms kill redis for 3s", TimedFault(seconds: 0.5, action: .kill(.redis, downSeconds: 3))),
        ("30s  stop controller", TimedFault(seconds: 30, action: .stop(.controller, seconds: 5))),
        ("30s stop Redis for 4s", TimedFault(seconds: 30, action: .stop(.redis, seconds: 4))),
        ("30s slow worker for 1m", TimedFault(seconds: 30, action: .slow(.worker, seconds: 60))),
        ("30s errors 10% for 20s", TimedFault(seconds: 30, action: .errors(permille: 100, seconds: 20))),
        ("30s errors 2.5%", TimedFault(seconds: 30, action: .errors(permille: 25, seconds: 10))),
        (
            "5s limits inflow=0.5/s burst=10",
            TimedFault(seconds: 5, action: .limits(inflowMilli: 500, burst: 10, slots: nil))
        ),
        ("5s limits slots=20", TimedFault(seconds: 5, action: .limits(inflowMilli: nil, burst: nil, slots: 20))),
        ("0s reload", TimedFault(seconds: 0, action: .reload)),
        ("7s join gateway", TimedFault(seconds: 7, action: .joinGateway)),
    ])
    func fault_wellWritten_isRead(text: String, fault: TimedFault) throws {
        #expect(try TimedFault(parsing: text) == fault)
        #expect(try TimedFault(parsing: fault.text) == fault)
        let json = try JSONEncoder().encode([fault])
        #expect(try JSONDecoder().decode([TimedFault].self, from: json) == [fault])
    }

    @Test(arguments: [
        ("", "begins with the time"), ("kill worker", "begins with the time"),
        ("30 kill worker", "begins with the time"),
        ("-1s kill worker", "begins with the time"), ("30s", "does nothing"),
        ("30s kil worker", "known are kill, stop"),
        ("30s kill", "whom? Write one of worker, gateway, controller, redis"), ("30s kill me", "whom?"),
        ("30s kill worker for 2s", "started again by its controller"), ("30s stop redis 4s", "for 5s"),
        ("30s stop redis for ever", "for 5s"), ("30s stop redis for 11m", "not between 100ms and 600s"),
        ("30s errors", "of how many requests?"), ("30s errors 10 for 5s", "0.1% to 100%"),
        ("30s errors 0%", "0.1% to 100%"), ("30s errors 101%", "0.1% to 100%"), ("30s errors 10% 5s", "for 5s"),
        ("30s errors 10% for 0s", "not between 100ms and 600s"),
        ("30s limits", "one or more of inflow"), ("30s limits inflow=5", "not 0.001/s to 100000/s"),
        ("30s limits burst=0", "not 1 to 1000000"), ("30s limits slots=no", "not 1 to 10000000"),
        ("30s limits rate=5/s", "rate is no limit that can be changed"), ("30s limits inflow", "is no limit"),
        ("30s reload now", "write 30.0s reload"), ("30s join controller", "join gateway"),
    ])
    func fault_badlyWritten_isRefusedWithWhatToWrite(text: String, words: String) throws {
        let problem = try #require(throws: FaultProblem.self) { try TimedFault(parsing: text) }
        #expect(problem.description.contains(words) && problem.description.hasPrefix("\"\(text)\": "))
    }

    @Test(arguments: [
        (["99s stop gateway for 2s"], "ends after the run, which has 100 s"), (["101s reload"], "ends after the run"),
        (["5s join gateway", "9s join gateway"], "joins once"),
        (["5s stop redis for 4s", "8s kill redis"], "before another one of Redis is over"),
        (["5s limits burst=4", "10s limits burst=5"], "less than 6 s after"),
        (["5s errors 5% for 10s", "14s errors 9%"], "before the errors before it are over"),
        (["95s errors 5%"], "ends after the run"),
    ])
    func faults_thatDoNotFit_areRefused(texts: [String], words: String) throws {
        let problem = try #require(throws: FaultProblem.self) { try Self.schedule(texts) }
        #expect(problem.description.contains(words))
    }

    @Test func fault_withTwoMistakes_tellsBoth() throws {
        let problem = try #require(throws: FaultProblem.self) {
            try TimedFault(parsing: "10s limits inflow=-5/s slots=1e9")
        }
        #expect(problem.problem == "inflow=-5/s is not 0.001/s to 100000/s; slots=1e9 is not 1 to 10000000")
    }

    @Test func faultsOfAFile_thatAreWrongInTime_areToldAtTheirOwnPlaces() {
        let text = """
            length: 60s
            faults:
              - 300s kill worker
              - 10s kill gateway for 3s
              - 11s stop gateway for 5s
            """
        let problems = ScenarioTexts.problems(text)
        #expect(problems.count == 2, "\(problems)")
        #expect(problems.first?.hasPrefix("sale.yaml:3:5: faults[0]: ") == true, "\(problems)")
        #expect(problems.last?.hasPrefix("sale.yaml:5:5: faults[2]: ") == true, "\(problems)")
    }

    @Test func steadyWaveOfNobody_isToldByItsOwnKey() {
        let problems = ScenarioTexts.problems("arrivals:\n  - curve: steady\n    rate: 0/s\n")
        #expect(problems.count == 1, "\(problems)")
        #expect(problems.first?.hasPrefix("sale.yaml:3:5: arrivals[0].rate: nobody would come") == true, "\(problems)")
    }

    @Test func schedule_bringsBackWhatItTookAway_inOrderOfTime() throws {
        let schedule = try Self.schedule(["20s kill gateway for 3s", "10s stop redis for 12s", "21s reload"])
        #expect(schedule.needsParts)
        #expect(schedule.steps.map(\.seconds) == [10, 20, 21, 22, 23])
        #expect(
            schedule.steps.map(\.act) == [.hold(.redis), .kill(.gateway), .reload, .letGo(.redis), .start(.gateway)]
        )
        #expect(try !Self.schedule(["20s kill worker", "30s reload", "40s limits burst=9"]).needsParts)
        #expect(try Self.schedule(["20s join gateway"]).needsParts)
    }

    /// While a worker is killed, too: errors are of all workers, and hold none of them up.
    @Test func errors_endBeforeTheNextBegin_andGoWithOtherFaults() throws {
        let schedule = try Self.schedule(["20s errors 12.5% for 5s", "22s kill worker", "25s errors 5%"])
        #expect(
            schedule.steps.map(\.act) == [
                .fail(permille: 125), .kill(.worker), .fail(permille: 0), .fail(permille: 50), .fail(permille: 0),
            ]
        )
        #expect(!schedule.needsParts && Excuses(schedule).heldUp.count == 1)
    }

    @Test func slowProcess_standsStillForItsShareAndIsLetGoInTheEnd() throws {
        let steps = try Self.schedule(["10s slow worker for 2s"]).steps
        let holds = steps.filter { $0.act == .hold(.worker) }
        #expect(holds.count == 20 && holds.count(where: \.isFirst) == 1 && steps.last?.act == .letGo(.worker))
        let stopped = zip(steps, steps.dropFirst()).reduce(0) { sum, pair in
            pair.0.act == .hold(.worker) ? sum + pair.1.seconds - pair.0.seconds : sum
        }
        #expect(abs(stopped - 2 * FaultSchedule.stoppedShare) < 1e-6)
    }

    @Test func scenarioFile_namesFaults_eachAsOnTheCommandLine() throws {
        let text = """
            length: 100s
            faults:
              - 30s kill worker
              - 40s limits inflow=50/s
            """
        let scenario = try ScenarioFile.decode(Array(text.utf8), path: "sale.yaml")
        #expect(scenario.faults.map(\.text) == ["30s kill worker", "40s limits inflow=50/s"])
        // In half the time they come twice as soon.
        #expect(scenario.stretched(toSeconds: 50).faults.map(\.seconds) == [15, 20])
    }

    @Test(arguments: [
        ("faults: [30s kil worker]", "sale.yaml:2:10: faults[0]: found \"30s kil worker\", kil is not something to do"),
        ("faults: [2h reload]", "begins with the time in the run"),
        (
            "faults: [101s reload]",
            "sale.yaml:2:10: faults[0]: \"101 s: the configuration is read again\": ends after the run"
        ),
    ])
    func scenarioFile_withAFaultThatCannotBe_isRefused(line: String, words: String) throws {
        let error = try #require(throws: SettingsError.self) {
            try ScenarioFile.decode(Array("length: 100s\n\(line)".utf8), path: "sale.yaml")
        }
        #expect(error.description.contains(words), "\(error)")
    }

    @Test func limits_thatAreNotNamed_stayAsTheyWere() throws {
        let before = SitePlan.Limits(inflowMilli: 7_000, burst: 5)
        let changes = try Self.schedule(["10s limits inflow=9/s", "20s limits burst=8 slots=40"]).changes(from: before)
        #expect(
            changes == [
                .init(seconds: 10, limits: .init(inflowMilli: 9_000, burst: 5)),
                .init(seconds: 20, limits: .init(inflowMilli: 9_000, burst: 8, slots: 40)),
            ]
        )
        #expect(try Self.schedule(["10s reload"]).changes(from: before) == nil)
    }
}
