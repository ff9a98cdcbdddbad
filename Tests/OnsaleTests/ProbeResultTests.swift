import Testing

@testable import onsale

/// What the answer to a token that is no good shows.
@Suite struct ProbeResultTests {
    typealias Outcome = ProbeResult.Outcome

    @Test(
        arguments: [
            // Told to wait.
            (false, 7, nil, .refused),
            // Inside without a pass of one's own, with the owner's renewed, and with one for the owner's place.
            (true, 7, nil, .taken), (true, nil, nil, .taken), (true, 7, 7, .taken),
            // A number of one's own.
            (true, 7, 900, .letInAsNewcomer), (true, nil, 900, .letInAsNewcomer),
        ] as [(Bool, Int64?, Int64?, ProbeResult.Outcome)]
    )
    func outcome_isToldByTheNumberOfThePass(isLetIn: Bool, shown: Int64?, given: Int64?, outcome: Outcome) {
        #expect(Outcome(isLetIn: isLetIn, shown: shown, given: given) == outcome)
    }

    /// Seen before: a gateway that answered bad tokens with new numbers while hundreds waited was not judged.
    @Test func outcome_newNumberPastALongLine_isTaken() {
        #expect(Outcome(isLetIn: true, facesLine: true, shown: 7, given: 900) == .taken)
        #expect(Outcome(isLetIn: false, facesLine: true, shown: 7, given: nil) == .refused)
    }

    @Test func outcome_standingWhereTheOwnerStands_isTaken() {
        #expect(Outcome(isLetIn: false, isOwners: true, shown: 7, given: nil) == .taken)
    }

    /// The signature is not looked at, nor changed in what tells the number.
    @Test func number_isReadFromTheCookieAlsoWhenItIsForged() {
        let jar = TokenTests.jar(["sluice-pass-onsale=\(ScriptedSite.token(number: 4_711)); Path=/", "other=1"])
        #expect(jar.number(on: "sluice-pass-onsale") == 4_711)
        #expect(jar.forged(only: "sluice-pass-onsale").number(on: "sluice-pass-onsale") == 4_711)
        #expect(jar.number(on: "other") == nil && jar.number(on: "sluice-place-onsale") == nil)
    }

    /// Where nobody waits whoever comes is let in: that shows nothing of the gateway, and the journal knows of it.
    @Test func probeLetInAsANewcomer_isNotJudgedAndStandsInTheBooks() {
        func change(_ outcomes: [Outcome]) -> (inout Evidence) -> Void {
            { evidence in
                for outcome in outcomes {
                    let probe = ProbeResult(kind: .forgedPlace, outcome: outcome)
                    evidence.books?.answered(probe, sentAt: JudgeTests.at(25), now: JudgeTests.at(25.01))
                }
                guard outcomes.contains(.letInAsNewcomer) else { return }
                let exchange = AdmissionJournal.Exchange(micros: 1_025_005_000, number: 101, doorWaitMicros: 0)
                evidence.journal = AdmissionJournal(exchanges: evidence.journal.exchanges + [exchange])
                evidence.roomCount = .told(101)
            }
        }
        let alone = change([.letInAsNewcomer])
        #expect(JudgeTests.failures(alone) == [])
        #expect(JudgeTests.outcome(.passes, alone) == .notJudged && JudgeTests.outcome(.books, alone) == .passed)
        let beside = change([.refused, .letInAsNewcomer])
        #expect(JudgeTests.failures(beside) == [])
        let check = JudgeTests.verdict(beside).checks.first { $0.name == .passes }
        #expect(check?.outcome == .passed)
        #expect(check?.detail.contains("nobody had to wait just then: 1 forged place") == true)
        #expect(JudgeTests.failures(change([.taken, .letInAsNewcomer])) == [.passes])
    }
}
