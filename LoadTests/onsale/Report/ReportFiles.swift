import Foundation
import Glibc

/// Writes and reads the files of a report: `report.json` for programs, `report.html` for people, `report.csv` for
/// spreadsheets (a line a second), `report.xml` for build servers (JUnit), `report.prom` for Prometheus.
enum ReportFiles {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// Creates the folder when it is missing. Each file is written beside its place and renamed over what was there: a
    /// reader never meets half of one. Returns the paths of the first two.
    static func write(_ report: RunReport, folder: String) throws(Problem) -> (json: String, html: String) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let json = "\(folder)/report.json"
            let html = "\(folder)/report.html"
            try Self.replace(json, try self.encoded(report))
            try Self.replace(html, Data(HTMLReport(report).render().utf8))
            try Self.replace("\(folder)/report.csv", Data(CSVReport(report: report).render().utf8))
            try Self.replace("\(folder)/report.xml", Data(JUnitReport(report: report).render().utf8))
            try Self.replace("\(folder)/report.prom", Data(PrometheusReport(report: report).render().utf8))
            return (json, html)
        } catch {
            let reason = error.plainReason
            throw Problem(
                description: "the report could not be written to \(folder): \(reason); "
                    + "make room or name another folder"
            )
        }
    }

    /// Before a run: a folder that cannot be written to is told of now, and nobody takes an earlier run's files for this
    /// one's.
    static func prepare(_ folder: String) throws(Problem) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for file in ["report.json", "report.html", "report.csv", "report.xml", "report.prom"] {
                unlink("\(folder)/\(file)")
            }
            try Self.replace("\(folder)/report.json", Data())
            unlink("\(folder)/report.json")
        } catch {
            let reason = error.plainReason
            throw Problem(
                description: "\(folder) cannot be used for the report: \(reason); name another folder with --report"
            )
        }
    }

    /// A page by itself.
    static func write(page: String, path: String) throws(Problem) {
        do {
            try Self.replace(path, Data(page.utf8))
        } catch {
            let reason = error.plainReason
            throw Problem(description: "the page could not be written to \(path): \(reason); name another file")
        }
    }

    static func encoded(_ report: RunReport) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(report)
    }

    static func read(_ path: String) throws(Problem) -> RunReport {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Problem(description: "\(path) could not be read: \(error.plainReason)")
        }
        return try Self.decode(data, path: path)
    }

    /// What `read` does with the bytes of the file at `path`.
    static func decode(_ data: Data, path: String) throws(Problem) -> RunReport {
        do {
            let version = try JSONDecoder().decode(Version.self, from: data).formatVersion
            guard version == RunReport.formatVersion else {
                let age = version < RunReport.formatVersion ? "an older" : "a newer"
                throw Problem(
                    description:
                        "\(path) is a report of \(age) onsale: its format is \(version), this onsale reads and "
                        + "writes \(RunReport.formatVersion). Read it with the onsale that wrote it, or play the run again"
                )
            }
            if let problem = ReportFigures.problem(in: data) {
                throw Problem(
                    description: "\(path) is damaged: \(problem). Take another copy of it, or play the run again"
                )
            }
            return try JSONDecoder().decode(RunReport.self, from: data)
        } catch let problem as Problem {
            throw problem
        } catch let error as DecodingError {
            throw Problem(description: "\(path) is not a report of onsale: \(Self.text(error))")
        } catch {
            throw Problem(description: "\(path) could not be read: \(error.plainReason)")
        }
    }

    private struct Version: Decodable {
        var formatVersion: Int
    }

    private static func replace(_ path: String, _ data: Data) throws {
        let draft = "\(path).new"
        do {
            try data.write(to: URL(fileURLWithPath: draft))
            guard rename(draft, path) == 0 else {
                throw Problem(description: String(cString: strerror(errno)))
            }
        } catch {
            unlink(draft)
            throw error
        }
    }

    /// Which key, and what of it, in a line.
    private static func text(_ error: DecodingError) -> String {
        let context: DecodingError.Context
        var missing = ""
        switch error {
        case .keyNotFound(let key, let found):
            context = found
            missing = key.stringValue
        case .dataCorrupted(let found), .typeMismatch(_, let found), .valueNotFound(_, let found): context = found
        @unknown default: return "\(error)"
        }
        let path = (context.codingPath.map(\.stringValue) + (missing.isEmpty ? [] : [missing])).joined(separator: ".")
        let what = missing.isEmpty ? context.debugDescription : "it is missing"
        return path.isEmpty ? context.debugDescription : "\(path): \(what)"
    }
}
