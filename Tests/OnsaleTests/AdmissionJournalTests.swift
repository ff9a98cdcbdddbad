import Testing

@testable import onsale

@Suite struct AdmissionJournalTests {
    @Test func entries_ofBothKinds_areRead() throws {
        var journal = AdmissionJournal()
        try journal.take(fields: ["kind": "exchange", "t": "200", "g": "7:0,9:1500"])
        try journal.take(
            fields: ["kind": "limits", "t": "100", "rate_milli": "120000", "burst": "40", "slots": "2000"])
        try journal.take(fields: ["kind": "opened", "t": "50"])
        try journal.take(fields: ["kind": "exchange", "t": "150", "g": "5:0"])
        journal.sort()
        #expect(journal.exchanges.map(\.number) == [5, 7, 9])
        #expect(journal.exchanges.map(\.doorWaitMicros) == [0, 0, 1_500])
        #expect(journal.limits == [.init(micros: 100, rateMilli: 120_000, burst: 40, slots: 2_000)])
    }

    @Test(
        arguments: [
            [:], ["kind": "exchange"], ["kind": "exchange", "t": "1"], ["kind": "exchange", "t": "x", "g": "1:1"],
            ["kind": "exchange", "t": "1", "g": "1"], ["kind": "exchange", "t": "1", "g": "1:2:3"],
            ["kind": "limits", "t": "1", "rate_milli": "5"],
        ] as [[String: String]]
    )
    func entry_thatMakesNoSense_isRefusedWithItsText(fields: [String: String]) {
        var journal = AdmissionJournal()
        #expect(throws: AdmissionJournal.Malformed.self) { try journal.take(fields: fields) }
        #expect(journal.exchanges.isEmpty && journal.limits.isEmpty)
    }
}
