import Settings
import Testing

@testable import SettingsFile

@Suite struct CertificateExpiryTests {
    private let day: Int64 = 86_400

    private func notice(_ end: Int64, start: Int64 = 0) -> CertificateExpiry.Notice {
        CertificateExpiry.Notice(place: "listen[0].tls: a.pem", notBefore: start, notAfter: end)
    }

    @Test func certificate_fromFourteenDaysOn_isToldOnceADay() {
        var expiry = CertificateExpiry()
        let all = [self.notice(100 * self.day)]
        // The last one: a clock that was set back does not silence it for long.
        let times = [86 * self.day - 1, 86 * self.day, 87 * self.day - 1, 87 * self.day, 100 * self.day, 90 * self.day]
        let told = times.map { expiry.due(all, now: $0) }
        #expect(told.map(\.count) == [0, 1, 0, 1, 1, 1])
        #expect(told[1][0].contains("a.pem expires at 1970-04-11T00:00:00Z, in 14 days"))
        #expect(told[4][0].contains("has expired"))
    }

    @Test func renewed_isToldNoMore_andTheNextOneAtOnce() {
        var expiry = CertificateExpiry()
        let told = [10, 100 * self.day, 10].enumerated().map { now, end in
            expiry.due([self.notice(end)], now: Int64(now)).count
        }
        #expect(told == [1, 0, 1])
    }

    @Test func notYetValid_isTold_andAStapleOnlyOnceItIsOver() {
        #expect(self.notice(100 * self.day, start: 9).words(now: 8)?.contains("not valid before") == true)
        let staple = CertificateExpiry.Notice(kind: .staple, place: "a.der", notAfter: 10)
        #expect(staple.words(now: 9) == nil)
        #expect(staple.words(now: 10)?.contains("nothing is stapled") == true)
    }
}

@Suite struct FileStampsTests {
    private func sight(_ numbers: Int64...) -> FileStamps.Sight {
        var sight: FileStamps.Sight = [:]
        for (index, number) in numbers.enumerated() {
            sight["\(index)"] = FileStamp(inode: number, bytes: 1, changedNanoseconds: 1)
        }
        return sight
    }

    private func looks(from read: FileStamps.Sight, _ sights: [FileStamps.Sight]) -> [Bool] {
        var stamps = FileStamps(read: read)
        return sights.map { stamps.looked($0) }
    }

    /// The certificate is there before its key: only what two looks have found is read.
    @Test func looked_filesReplacedOneAfterTheOther_areReadOnce() {
        let (old, half, new) = (self.sight(1, 1), self.sight(2, 1), self.sight(2, 2))
        #expect(self.looks(from: old, [old, half, new, new, new]) == [false, false, false, true, false])
    }

    @Test func looked_filesThatComeBack_areNotRead() {
        let there = self.sight(1)
        #expect(self.looks(from: there, [[:], there, [:], [:]]) == [false, false, false, true])
    }

    @Test func stamp_ofAFileWrittenAnew_isAnotherOne() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/a"
        #expect(FileStamp(ofFile: path) == nil)
        try folder.write("a", to: "a")
        let first = try #require(FileStamp(ofFile: path))
        #expect(FileStamp(ofFile: path) == first)
        try folder.write("ab", to: "a")
        #expect(FileStamp(ofFile: path) != first)
    }
}
