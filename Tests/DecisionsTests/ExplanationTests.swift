import Primitives
import Scaling
import Testing

@testable import Decisions

@Suite struct ExplanationTests {
    private static let now = Instant(nanoseconds: 1_000_000_000_000)

    /// A decision for five workers of eight slots, with a line of 310 before the room `onsale`.
    private func entry(
        _ reason: ScalingReason,
        desired: Int = 5,
        _ change: (inout DecisionEntry) -> Void = { _ in }
    ) -> DecisionEntry {
        var entry = DecisionEntry(
            number: 1,
            fence: 1,
            wallMicros: 1_795_348_800_000_000,
            at: Self.now,
            limits: ScalingLimits(minWorkers: 1, maxWorkers: 8, slotsPerWorker: 8),
            signals: PoolSignals(
                arrivalsPerSecond: 84.25,
                admissionsPerSecond: 12,
                inFlight: 2,
                queued: 0,
                waiting: 310,
                inflowLimitPerSecond: 120,
                latency: LatencyHistogram(),
                errorsPerSecond: 0,
                gatewaysReporting: 1
            ),
            rooms: ["onsale": 310],
            pool: PoolState(ready: 2, pending: []),
            decision: ScalingDecision(reason: reason)
        )
        entry.decision.desiredWorkers = desired
        change(&entry)
        return entry
    }

    private func explanation(_ entry: DecisionEntry, before: Int? = 2) -> Explanation {
        let last = before.map { workers in self.entry(entry.decision.reason, desired: workers) }
        return Explanation(entry, after: last)
    }

    @Test func backlog_tellsTheLineItsCostAndTheGoal() {
        let words = self.explanation(self.entry(.backlog))
        #expect(
            words.text
                == "from 2 to 5 workers: 310 people wait in line of room onsale, 40 a second come; at 20 ms a request and "
                + "2.1 requests a visitor it needs 5 workers of 8 slots, 3 of them for the line, so that it is gone within "
                + "30 s once they are ready. 2 ready workers let in up to 120 visitors a second."
        )
        #expect(words.advice == nil)
    }

    @Test func minimum_tellsThatNothingAsksForMore() {
        let idle = self.entry(.minimum, desired: 1) {
            $0.signals?.arrivalsPerSecond = 0
            $0.signals?.inFlight = 0
            $0.signals?.waiting = 0
            $0.pool.ready = 1
        }
        #expect(self.explanation(idle, before: 1).what == "stays at 1 worker")
        #expect(self.explanation(idle).why.hasPrefix("nothing arrives and nobody waits"))
        #expect(self.explanation(idle).why.contains("min_workers"))
        #expect(self.explanation(idle).admission == "1 ready worker lets in up to 120 visitors a second")
        let little = self.explanation(self.entry(.minimum, desired: 1))
        #expect(little.why.contains("84.3 requests a second arrive") && little.why.contains("min_workers"))
    }

    @Test func load_tellsBusySlotsAndWhoWaitsForOne() {
        let words = self.explanation(self.entry(.load) { $0.signals?.queued = 3 })
        #expect(
            words.why.contains(
                "84.3 requests a second arrive; at 20 ms a request those of the last seconds keep 1.7 slots busy"
            )
        )
        #expect(words.why.contains("needs 5 workers of 8 slots; 3 wait for a free slot"))
        #expect(words.advice == nil)
    }

    @Test func panic_tellsTheGrowthAndTheStart() throws {
        let words = self.explanation(self.entry(.panic))
        #expect(words.why.contains("40 a second come and 12 are let in"))
        #expect(words.why.contains("a start takes up to 6 s, and 5 workers are ordered"))
        #expect(try #require(words.advice).contains("min_workers"))
    }

    @Test func preWarm_tellsWhenTheRoomOpensAndHowManyStandThere() {
        let opening = ScalingLimits.Opening(at: Self.now.advanced(byNanoseconds: 7_500_000_000), waiting: 1_200)
        let words = self.explanation(self.entry(.preWarm) { $0.limits.openings = [opening] })
        #expect(words.why.contains("a room opens in 7.5 s, and 1,200 people stand before its door"))
        #expect(words.why.contains("5 workers that they need are started now"))
    }

    @Test func preWarm_ofAPlan_tellsTheTimeAndTheKey() {
        let planned = Prewarm(workers: 5, fromMicros: 1_795_348_803_000_000, lengthMicros: 7_200_000_000)
        let words = self.explanation(
            self.entry(.preWarm) {
                $0.limits.prewarm = [planned]
                $0.decision.neededWorkers = 5
            }
        )
        let text = "5 workers are to be ready from 2026-11-22T12:00:03Z on, for 120 min (scaling.prewarm)"
        #expect(words.why.hasPrefix(text))
        let unheard = self.explanation(
            self.entry(.signalsLost) {
                $0.limits.prewarm = [planned]
                $0.decision.neededWorkers = 5
            }
        )
        #expect(unheard.why.hasSuffix("frozen; \(text); a start takes up to 6 s"))
    }

    @Test func line_ofWhichNotAllCome_tellsHowMany() {
        let words = self.explanation(self.entry(.backlog) { $0.signals?.absent = 190 })
        let text = "310 people wait in line of room onsale, of whom about 190 will not come, 40 a second"
        #expect(words.why.hasPrefix(text))
    }

    @Test func pendingLate_tellsTheOldestAndWhereToLook() throws {
        let words = self.explanation(
            self.entry(.pendingLate) {
                $0.pool.pending = [Self.now.advanced(byNanoseconds: -34_000_000_000), Self.now]
            }
        )
        #expect(words.why.hasPrefix("2 started workers are not ready yet, the oldest after 34 s"))
        #expect(try #require(words.advice).contains("start_timeout"))
    }

    @Test func maximum_tellsTheKeyToRaise() throws {
        let words = self.explanation(self.entry(.maximum, desired: 8) { $0.decision.neededWorkers = 14 })
        #expect(words.why.contains("needs 14 workers, and no more than 8 are allowed"))
        #expect(try #require(words.advice).contains("raise max_workers"))
    }

    @Test func costCap_tellsWhatIsUsedAndTheKeyToRaise() throws {
        let words = self.explanation(
            self.entry(.costCap) {
                $0.decision.neededWorkers = 9
                $0.decision.cost = CostStanding(
                    spent: CostSum(all: 34_200),
                    capWorkerSeconds: 36_000,
                    affordableWorkers: 5,
                    bindsInSeconds: 0
                )
            }
        )
        #expect(words.why.contains("9 workers would serve it") && words.why.contains("570 of 600 worker-minutes"))
        #expect(try #require(words.advice).contains("raise scaling.cost_cap"))
    }

    @Test func holding_tellsForHowLongAndWhoDrains() throws {
        let words = self.explanation(self.entry(.holding) { $0.decision.neededWorkers = 3 })
        #expect(words.why.hasPrefix("3 workers would do") && words.why.contains("60 s at most: scale_down_after"))
        #expect(words.advice == nil)
        let draining = self.explanation(self.entry(.holding) { $0.pool.draining = 1 })
        #expect(draining.why.contains("1 worker of the last step still drains"))
        #expect(try #require(draining.advice).contains("drain_timeout"))
    }

    @Test func scaleDown_tellsTheStep() {
        let words = self.explanation(self.entry(.scaleDown, desired: 4) { $0.decision.neededWorkers = 2 }, before: 5)
        #expect(words.what == "from 5 to 4 workers")
        #expect(words.why.hasPrefix("2 workers would do") && words.why.contains("one step down"))
    }

    @Test func gatewaySilent_tellsHowManyAndWhereToLook() throws {
        let words = self.explanation(
            self.entry(.gatewaySilent) {
                $0.signals?.gatewaysSilent = 1
                $0.decision.neededWorkers = 1
            }
        )
        #expect(words.why.contains("1 gateway fell silent") && words.why.contains("no worker goes"))
        #expect(try #require(words.advice).contains("sluice status"))
    }

    @Test func signalsLost_tellsThatNobodyKnows() throws {
        let words = self.explanation(self.entry(.signalsLost) { $0.signals = nil })
        #expect(words.why.contains("no gateway reports"))
        #expect(try #require(words.advice).contains("Look whether gateways run"))
    }

    /// Whatever is decided, somebody is told how fast people come in, and why it is slower than it could be.
    @Test(arguments: ScalingReason.allCases)
    func admission_isTold_withEveryReason(reason: ScalingReason) throws {
        let none = self.explanation(
            self.entry(reason) {
                $0.pool.ready = 0
                $0.pool.pending = [Self.now]
                $0.decision.admissionRatePerSecond = 0
            }
        )
        #expect(none.admission == "No worker is ready (1 worker starting), so nobody is let in")
        #expect(none.advice != nil)
        let cut = self.explanation(self.entry(reason) { $0.decision.latencyTrim = 0.62 })
        #expect(cut.admission.contains("cut to 62 %"))
        #expect(try #require(cut.advice).contains("250 ms (latency_objective)"))
        let words = self.explanation(self.entry(reason), before: nil)
        #expect(words.what == "5 workers wanted")
        #expect(!words.why.isEmpty && !words.why.hasSuffix("."))
    }

    /// Who reads only what the policy says takes that for what is done.
    @Test func mode_isToldBeforeWhatThePolicySays() throws {
        let said = { (name: String, workers: Int?, until: Int64?) in
            self.explanation(
                self.entry(.backlog) {
                    $0.mode = DecisionMode(name: name, workers: workers, isOrdered: until != nil, untilMicros: until)
                }
            ).text
        }
        let manual = said("manual", 3, 1_795_348_800_000_000)
        #expect(
            manual.hasPrefix(
                "The mode is manual, set by an operator until 2026-11-22T12:00:00Z: there are to be 3 workers"
            ),
            "\(manual)"
        )
        #expect(manual.contains("The policy: from 2 to 5 workers: 310 people wait"))
        #expect(
            said("freeze", 1, nil).hasPrefix("The mode is freeze, set by the configuration: the size stays at 1 worker")
        )
        #expect(said("advise", nil, nil).contains("set by the configuration: somebody else scales"))
        #expect(self.explanation(self.entry(.backlog)).mode == nil)
        // With nobody to let in, it is the mode that has to be looked at, not the workers' own output.
        let idle = { (name: String, workers: Int?) in
            self.explanation(
                self.entry(.minimum) {
                    $0.pool.ready = 0
                    $0.decision.admissionRatePerSecond = 0
                    $0.mode = DecisionMode(name: name, workers: workers, isOrdered: true, untilMicros: nil)
                }
            ).advice ?? ""
        }
        #expect(idle("manual", 0).contains("sluice controller mode POOL automatic"))
        #expect(idle("advise", nil).contains("somebody else starts workers"))
    }

    @Test func rateOfNought_isToldWithItsCause() throws {
        let nought = { (change: (inout DecisionEntry) -> Void) in
            self.explanation(
                self.entry(.costCap) {
                    $0.decision.admissionRatePerSecond = 0
                    change(&$0)
                }
            )
        }
        let cost = CostStanding(
            spent: CostSum(all: 36_000),
            capWorkerSeconds: 36_000,
            affordableWorkers: 1,
            bindsInSeconds: 0
        )
        let capped = nought { $0.decision.cost = cost }
        #expect(
            capped.admission.contains(
                "the rate is nought, so nobody is let in: what scaling.cost_cap allows is spent"
            )
        )
        #expect(try #require(capped.advice).contains("Raise scaling.cost_cap"))
        #expect(nought { $0.signals = nil }.admission.contains("as it was when gateways reported last"))
        let shut = self.explanation(self.entry(.minimum) { $0.signals?.inflowLimitPerSecond = 0 })
        #expect(shut.admission.contains("the rooms let nobody in all the same, as none is open, or their inflow is 0"))
        #expect(try #require(shut.advice).contains("sluice status"))
        let asleep = self.explanation(
            self.entry(.minimum, desired: 0) {
                $0.pool.ready = 0
                $0.decision.admissionRatePerSecond = 0
            }
        )
        #expect(try #require(asleep.advice).contains("min_workers is 0"))
    }

    @Test func changeOfTheMode_beginsAStretch() {
        let entries = [nil, nil, "freeze", "freeze", nil].enumerated().map { second, name in
            self.entry(.load) {
                $0.wallMicros += Int64(second) * 1_000_000
                $0.mode = name.map { DecisionMode(name: $0, workers: 2, isOrdered: true, untilMicros: nil) }
            }
        }
        #expect(DecisionStory(entries).stretches.map(\.decisions) == [2, 2, 1])
    }

    // MARK: A story

    @Test func sameDecisions_areOneStretch() {
        var entries: [DecisionEntry] = []
        for second in 0..<10 {
            entries.append(
                self.entry(second < 6 ? .backlog : .holding, desired: second < 3 ? 2 : 5) {
                    $0.number = Int64(second + 1)
                    $0.wallMicros += Int64(second) * 1_000_000
                }
            )
        }
        let story = DecisionStory(entries)
        #expect(story.stretches.map(\.decisions) == [3, 3, 4])
        #expect(
            story.stretches.map(\.explanation.what) == [
                "2 workers wanted", "from 2 to 5 workers", "stays at 5 workers",
            ]
        )
        #expect(story.stretches[1].untilMicros - story.stretches[1].fromMicros == 2_000_000)
        #expect(story.stretches.allSatisfy { $0.silenceMicros == 0 && !$0.isNewTerm })
    }

    @Test func silenceAndAnotherTerm_beginAStretch() {
        let entries = [(1, 0), (1, 1), (1, 60), (2, 61)].map { fence, second in
            self.entry(.load) {
                $0.fence = Int64(fence)
                $0.wallMicros += Int64(second) * 1_000_000
            }
        }
        let story = DecisionStory(entries)
        #expect(story.stretches.map(\.decisions) == [2, 1, 1])
        #expect(story.stretches.map(\.silenceMicros) == [0, 59_000_000, 0])
        #expect(story.stretches.map(\.isNewTerm) == [false, false, true])
    }

    @Test func figures_readAsPeopleWriteThem() {
        #expect(Figures.count(1_234_567) == "1,234,567" && Figures.count(-1_000) == "-1,000" && Figures.count(7) == "7")
        #expect(Figures.number(0) == "0" && Figures.number(0.04) == "0" && Figures.number(12.34) == "12.3")
        #expect(Figures.number(99.96) == "100" && Figures.number(-0.5) == "-0.5" && Figures.number(1_500.4) == "1,500")
        #expect(Figures.number(.infinity) == "no limit" && Figures.number(.nan) == "no limit")
        #expect(Figures.duration(nanoseconds: 20_000_000) == "20 ms")
        #expect(Figures.duration(nanoseconds: 1_500_000_000) == "1.5 s")
        #expect(Figures.duration(nanoseconds: 200_000_000_000) == "3 min 20 s")
        #expect(Figures.list([]) == "" && Figures.list(["a"]) == "a" && Figures.list(["a", "b", "c"]) == "a, b and c")
        #expect(Figures.percent(0.625) == "63 %")
    }

    @Test func rooms_withTheLongestLines_areTold() {
        let waiting = ByName(Dictionary(uniqueKeysWithValues: (0..<20).map { ("r\($0)", $0) }))
        let longest = DecisionEntry.longest(of: waiting)
        #expect(longest.count == DecisionEntry.mostRooms && longest["r19"] == 19 && longest["r12"] == 12)
        #expect(DecisionEntry.longest(of: ["a": 0]).isEmpty)
    }
}

extension ScalingDecision {
    /// Five workers for a line, at 20 ms a request and 2.1 requests a visitor.
    fileprivate init(reason: ScalingReason) {
        self.init(
            desiredWorkers: 5,
            admissionRatePerSecond: 120,
            reason: reason,
            neededWorkers: 5,
            backlogWorkers: 3,
            offeredLoad: 1.685,
            joinsPerSecond: 40,
            serviceTimeNanoseconds: 20_000_000,
            requestsPerVisitor: 2.1,
            latencyTrim: 1,
            startTimeNanoseconds: 6_000_000_000
        )
    }
}
