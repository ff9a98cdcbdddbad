import Foundation
import Settings
import SettingsFile
import Testing

@testable import onsale

@Suite struct ScenarioFileTests {
    @Test func emptyFile_isATypicalSaleOfAMinute() throws {
        let scenario = try ScenarioTexts.decode("")
        #expect(scenario == Scenario(visitors: 20_000, durationSeconds: 60, seed: 1))
        #expect(try ScenarioTexts.decode("# nothing\n") == scenario)
    }

    /// What is not in the file follows the length, and what is in it does not.
    @Test func longerRun_hasSlowerPeopleWhereNothingIsSaid() throws {
        let scenario = try ScenarioTexts.decode("length: 10m\nmanners:\n  think: 2s\n")
        var expected = Scenario(visitors: 20_000, durationSeconds: 600, seed: 1)
        expected.manners.thinkMedianSeconds = 2
        #expect(scenario == expected)
    }

    @Test func everySection_isRead() throws {
        let scenario = try ScenarioTexts.decode(
            """
            name: A night
            length: 100s
            opening: 20s
            seed: 7
            arrivals:
              - curve: on_sale
                tickets: 40
                people_per_ticket: 12.5
                share_before: 33.5%
                step: 2
                step_time: 5s
                decay: 9s
                to: 80s
              - curve: steady
                rate: 120/min
                from: 10s
                to: 20s
              - curve: ramp
                rate: 0/s
                later_rate: 8/s
                to: 50s
              - curve: step
                rate: 1/s
                later_rate: 5/s
                to: 30s
            manners:
              no_shows: 0.25%
              requests: 4
              places: 2 to 3
              cookies: shared
              leave_page: 0%
            classes:
              bot:
                weight: 2.5
                own_pace: 100ms
              others:
                like: mobile
                loss: 30%
            """
        )
        #expect(scenario.name == "A night" && scenario.durationSeconds == 100 && scenario.seed == 7)
        #expect(scenario.curve.openingSeconds == 20)
        #expect(scenario.curve.waves.map(\.visitors) == [500, 20, 200, 70])
        #expect(scenario.visitors == 790)
        let sale = ArrivalCurve(
            openingSeconds: 20,
            shareBeforeOpening: 0.335,
            stepFactor: 2,
            stepSeconds: 5,
            decaySeconds: 9,
            endSeconds: 80
        )
        #expect(scenario.curve.waves[0].shape == .sale(sale))
        #expect(scenario.curve.waves[1].shape == .rates(.constant(2, from: 10, to: 20)))
        let step = [(0.0, 1.0), (20, 1), (20, 5), (30, 5)]
        let points = step.map { RateCurve.Point(seconds: $0.0, ratePerSecond: $0.1) }
        #expect(scenario.curve.waves[3].shape == .rates(RateCurve(points: points)))
        #expect(scenario.manners.noShowShare == 0.0025 && scenario.manners.cookies == .shared)
        #expect(scenario.manners.fewestRequests == 4 && scenario.manners.mostRequests == 4)
        let (bot, others) = (scenario.classes[0], scenario.classes[1])
        #expect(bot.name == "bot" && bot.weight == 2.5 && bot.manners.ownPaceSeconds == 0.1)
        #expect(bot.manners.mostRetries == 20, "as its name says")
        #expect(others.manners.lossShare == 0.3 && others.manners.fewestPlaces == 2, "as manners says")
    }

    @Test func commandLine_hasTheLastWord() throws {
        let text = "length: 100s\nopening: 20s\nvisitors: 500\nmanners:\n  think: 2s\n"
        let overrides = ScenarioFile.Overrides(visitors: 80, durationSeconds: 50, seed: 9)
        let scenario = try ScenarioTexts.decode(text, overrides)
        #expect(scenario.visitors == 80 && scenario.durationSeconds == 50 && scenario.seed == 9)
        #expect(scenario.curve.openingSeconds == 10 && scenario.manners.thinkMedianSeconds == 1)
        #expect(try Crowd(scenario).reduce(0) { sum, _ in sum + 1 } == 80)
    }

    /// One mistake for each kind of value and each way in which values do not go together.
    @Test(arguments: [
        ("lenght: 30s", "1:1: lenght: unknown key; did you mean length?"),
        ("length: 30", "1:9: length: found \"30\", which has no unit (30 what?); allowed: a duration from 5s to 1d"),
        ("length: 1s", "1:9: length: found \"1s\", which is too small"),
        ("think: 1s", "1:1: think: unknown key; it is known as manners.think"),
        ("seed: 1\nseed: 2", "2:1: seed: the key is already there at line 1"),
        ("opening: 2m", "1:1: opening: the sale must open within the run"),
        ("manners:\n  no_shows: 6", "2:13: manners.no_shows: found \"6\", which has no unit (percent is %)"),
        ("manners:\n  no_shows: 101%", "2:13: manners.no_shows: found \"101%\", which is more than all"),
        ("manners:\n  no_shows: 6.0001%", "which is finer than a thousandth of a percent"),
        ("manners:\n  no_shows: 6/s", "whose unit is not %"),
        ("manners:\n  requests: 7 to 3", "2:13: manners.requests: found \"7 to 3\", which goes down"),
        ("manners:\n  requests: 3-7", "2:13: manners.requests: found \"3-7\"; allowed: a whole number from 1 to 1000"),
        ("manners:\n  requests: [3, 7]", "2:13: manners.requests: found a list"),
        ("manners:\n  eager_rate: 1 to 2/s", "2:15: manners.eager_rate: found \"1\", which has no unit"),
        ("manners:\n  cookies: shard", "2:12: manners.cookies: found \"shard\", did you mean shared?"),
        ("manners:\n  waits: no", "2:10: manners.waits: found \"no\"; allowed: true or false"),
        ("arrivals:\n  - curve: rampe", "2:12: arrivals[0].curve: found \"rampe\", did you mean ramp?"),
        ("arrivals:\n  - curve: steady", "2:5: arrivals[0].rate: the curve steady needs this key"),
        ("arrivals:\n  - curve: rates", "2:5: arrivals[0].file: the curve rates needs this key"),
        (
            "arrivals:\n  - curve: steady\n    rate: 1/s\n    step: 2",
            "4:5: arrivals[0].step: the curve steady has no use for this key"
        ),
        ("arrivals:\n  - rate: 3/s", "2:5: arrivals[0].rate: the curve on_sale has no use for this key"),
        (
            "arrivals:\n  - curve: steady\n    rate: 1/s\n    to: 90s",
            "4:5: arrivals[0].to: its people come until"
        ),
        (
            "arrivals:\n  - curve: steady\n    rate: 1/s\n    from: 9s\n    to: 9s",
            "5:5: arrivals[0].to: must be later than from (line 4)"
        ),
        (
            "arrivals:\n  - curve: step\n    rate: 1/s\n    later_rate: 2/s\n    at: 40s\n    to: 30s",
            "5:5: arrivals[0].at: must lie within from and to (line 6)"
        ),
        (
            "arrivals:\n  - to: 3s",
            "2:5: arrivals[0]: end of arrivals is 3.0: must be later than the opening and its step"
        ),
        (
            "arrivals:\n  - curve: rates\n    file: nowhere.csv",
            "3:5: arrivals[0].file: /etc/nowhere.csv: /etc/nowhere.csv cannot be opened"
        ),
        ("classes:\n  Fan Club: {}", "2:3: classes.\"Fan Club\": this name cannot be used"),
        ("classes:\n  bot:\n    wieght: 2", "3:5: classes.bot.wieght: unknown key; did you mean weight?"),
        ("classes:\n  x:\n    like: bott", "3:11: classes.x.like: found \"bott\", did you mean bot?"),
        ("classes:\n  tabs:\n    leave_page: 5%", "2:3: classes.tabs: leave-page share is 0.05: must be 0 where tabs"),
        (
            "classes:\n  x:\n    retry_at_once: 60%\n    retry_fixed: 60%",
            "2:3: classes.x: share of both retries is 1.2: must be between 0 and 1"
        ),
        ("- a", "1:1: found a list; allowed: a mapping with the keys name, length"),
        ("a: [", "this is not YAML"),
    ])
    func mistake_isToldWhereItIsAndWhatIsAllowed(text: String, expected: String) {
        let problems = ScenarioTexts.problems(text)
        #expect(problems.count == 1, "\(problems)")
        #expect(problems.first?.contains(expected) == true, "\(problems)")
    }

    @Test func allMistakes_areToldAtOnce_inTheOrderOfTheFile() {
        let text = "lenght: 3s\nvisitors: many\nmanners:\n  think: 3\narrivals:\n  - curve: ramp\n"
        let problems = ScenarioTexts.problems(text)
        #expect(problems.map { $0.split(separator: ":")[1] } == ["1", "2", "4", "6", "6"])
    }

    @Test func missingFile_isOneClearLine() {
        #expect(throws: SettingsError.self) { try ScenarioFile.load("/nowhere/sale.yaml") }
        do throws(SettingsError) { _ = try ScenarioFile.load("/nowhere/sale.yaml") } catch {
            #expect(error.description.contains("/nowhere/sale.yaml cannot be opened"))
            #expect(error.description.contains("name a readable YAML file"))
        }
    }

    // MARK: Tables and logs

    @Test func rateTable_isReadAndSqueezed() throws {
        let table = try RateTable(Array("# spring\nseconds,rate\r\n0, 4\n10,4\n10,8\n\n20,0\n".utf8))
        #expect(table.points.map(\.seconds) == [0, 10, 10, 20] && table.points.map(\.ratePerSecond) == [4, 4, 8, 0])
        let curve = table.curve(fromSeconds: 5, toSeconds: 15)
        #expect(curve.points.map(\.seconds) == [5, 10, 10, 15])
        #expect(curve.area == 80 && table.curve(fromSeconds: 0, toSeconds: nil).area == 80)
    }

    @Test(arguments: [
        ("0,1\n5\n", "line 2: must be a time in seconds and a rate a second, such as 30,250"),
        ("0,1\n5,x\n", "line 2: must be a time"), ("9,1\n5,1\n", "line 2: the time 5 goes back"),
        ("0,-1\n", "line 1: the rate -1 is not between"), ("-1,1\n", "line 1: the time -1 is not within a week"),
        ("0,nan\n", "line 1: the rate nan is not between"), ("0,1\n", "has no two lines"),
        ("0,0\n9,0\n", "lets nobody come"),
        ("0,1\n0,2\n", "lets nobody come"),
    ])
    func rateTable_thatMakesNoSense_isRefused(text: String, expected: String) {
        do throws(RateTable.Malformed) {
            _ = try RateTable(Array(text.utf8))
            Issue.record("was taken")
        } catch {
            #expect(error.description.contains(expected))
        }
    }

    static let log = """
        192.0.2.1 - - [31/Dec/2025:23:59:58 +0000] "GET / HTTP/1.1" 200 5 "-" "A"
        192.0.2.2 - bob [01/Jan/2026:01:00:00 +0100] "GET / HTTP/1.1" 200 5 "-" "A"
        192.0.2.1 - - [31/Dec/2025:23:59:58 +0000] "GET /b HTTP/1.1" 200 5 "-" "B"
        192.0.2.1 - - [31/Dec/2025:19:00:03 -0500] "GET /c HTTP/1.1" 200 5 "-" "A"
        192.0.2.3 - - [01/Jan/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 5

        """

    /// Across midnight, the year and zones; each client once, or each line.
    @Test func accessLog_isReadAsThePeopleCame() throws {
        #expect(try AccessLog(Array(Self.log.utf8), counting: .clients).counts == [2, 0, 1, 1])
        let requests = try AccessLog(Array(Self.log.utf8), counting: .requests)
        #expect(requests.counts == [2, 0, 1, 1, 0, 1])
        let counts = requests.counts(fromSeconds: 3, toSeconds: 6)
        #expect(counts.startSeconds == 3 && counts.stepSeconds == 0.5 && counts.endSeconds == 6)
    }

    @Test(arguments: [
        ("", "has no line"), ("hello\n", "line 1 is the first that is damaged"),
        ("1.1.1.1 - - [32/Dec/2025:23:59:58 +0000] \"G\" 200 5\n", "line 1 is the first"),
        ("1.1.1.1 - - [31/Dez/2025:23:59:58 +0000] \"G\" 200 5\n", "line 1 is the first"),
        (
            "a - - [01/Dec/2025:00:00:00 +0000] \"G\" 200 5\nb - - [09/Dec/2025:00:00:00 +0000] \"G\" 200 5\n",
            "covers more than a week"
        ),
    ])
    func accessLog_thatMakesNoSense_isRefused(text: String, expected: String) {
        do throws(AccessLog.Malformed) {
            _ = try AccessLog(Array(text.utf8), counting: .clients)
            Issue.record("was taken")
        } catch {
            #expect(error.description.contains(expected))
        }
    }

    /// Read as `record` reads it: a virtual host before the address is nobody, a name may be in brackets, and HAProxy's
    /// lines are lines.
    @Test func accessLog_ofAnotherServer_isReadAsItIsRecorded() throws {
        func client(_ before: String) -> String { "\(before) [31/Dec/2025:23:59:58 +0000] \"GET / HTTP/1.1\" 200 5" }
        let proxy = #"[31/Dec/2025:23:59:58.655] in b/s 1/2/3/4/5 200 1 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#
        for lines in [
            [client("shop.example:443 192.0.2.1 - -"), client("shop.example:443 192.0.2.2 - -")],
            [client("192.0.2.1 - [bob]"), client("192.0.2.2 - [bob]")],
            ["haproxy[1]: 192.0.2.1:9000 \(proxy)", "192.0.2.2:9001 \(proxy)"],
        ] {
            let log = try AccessLog(Array(lines.joined(separator: "\n").utf8), counting: .clients)
            #expect(log.counts == [2] && log.damage.count == 0, "\(lines)")
            var trace = ArrivalTrace(counting: .visitors)
            for line in lines { try trace.take(line) }
            #expect(try trace.arrivals() == log.counts, "\(lines)")
        }
    }

    /// A line that was cut off costs nobody the whole log, and is told.
    @Test func accessLog_withADamagedLine_isPlayedAndTold() throws {
        let folder = try Machine.makeTemporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data((Self.log + "1.1.1.1 - - [31/Dec").utf8).write(to: URL(fileURLWithPath: "\(folder)/sale.log"))
        var told: [String] = []
        var overrides = ScenarioFile.Overrides()
        overrides.tell = { told.append($0) }
        let text = "arrivals:\n  - {curve: access_log, file: sale.log, count: requests}\n"
        let scenario = try ScenarioFile.decode(Array(text.utf8), path: "\(folder)/sale.yaml", overrides)
        #expect(scenario.visitors == 5)
        #expect(told.count == 1 && told[0].hasPrefix("\(folder)/sale.log: 1 damaged line left out, the first is line "))
    }
}
