import Glibc
import Testing

/// `onsale` as a user starts it, with its standard output, or its report, sent to where it cannot arrive.
@Suite(.onOwnThread) struct LostOutputTests {
    private static let line = #"192.0.2.1 - - [10/Oct/2000:20:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "a""#

    /// By words that the command says itself, through the live view, as a table, and through the parser.
    @Test(arguments: ["plan", "simulate --visitors 100 --seconds 20", "record access.log", "simulate --help"])
    func fullDisk_isToldInALine_andEndsWithThree(words: String) throws {
        try Scene.play { scene in
            try scene.write(Self.line + "\n", to: "\(scene.folder)/access.log")
            let program = try SluiceProcess.find("onsale")
            let command = "cd '\(scene.folder)' && exec '\(program)' \(words) > /dev/full"
            let ran = try scene.run("/bin/sh", ["-c", command])
            #expect(ran.end == .exited(3))
            let expected = "onsale: standard output could not be written: No space left on device; "
            #expect(ran.errors.hasPrefix(expected) && ran.errors.split(separator: "\n").count == 1, "\(ran.errors)")
        }
    }

    @Test func readerWhoHasReadEnough_isNoFault() throws {
        try Scene.play { scene in
            let program = try SluiceProcess.find("onsale")
            let ran = try scene.run("/bin/sh", ["-c", "'\(program)' plan | true"])
            #expect(ran.end == .exited(0) && ran.errors.isEmpty, "\(ran.errors)")
        }
    }

    /// The disk fills up after the beginning of a run, where the folder was tried. What came of the run is not lost.
    @Test func fullDiskUnderTheReport_isToldInALine_afterTheVerdict() throws {
        try Scene.play { scene in
            let site = try Nginx(scene, pages: ["index.html": "<p>Tickets</p>"])
            let folder = "\(scene.folder)/report"
            let url = "http://127.0.0.1:\(site.port(.plain))/"
            let play = try scene.launch(
                try SluiceProcess.find("onsale"),
                ["play", "--url", url, "--visitors", "20", "--seconds", "5", "--report", folder]
            )
            try Patience.wait(for: "the beginning of the run") {
                play.endIfEnded != nil || play.output.contains("20 visitors, seed")
            }
            // Where the first file of the report is written before it is put in place.
            #expect(symlink("/dev/full", "\(folder)/report.json.new") == 0)
            let end = try play.waitForEnd()
            #expect(end == .exited(3), "\(end): \(play.output)\(play.errors)")
            #expect(play.output.contains("Every page is whole"), "\(play.output)")
            let expected = "onsale: the report could not be written to \(folder): No space left on device; "
            #expect(play.errors.hasPrefix(expected), "\(play.errors)")
            #expect(play.errors.split(separator: "\n").count == 1)
        }
    }
}
