class PiriManager < Formula
  desc "Runs commands on many hosts by the agents of Piri"
  homepage "https://example.org/piri/releases"
  version "0.3.0"
  license "MIT"

  on_macos do
    on_arm do
      url "https://example.org/piri/releases/download/v0.3.0/piri-manager-macos-arm64"
      sha256 "1313131313131313131313131313131313131313131313131313131313131313"
    end
    on_intel do
      url "https://example.org/piri/releases/download/v0.3.0/piri-manager-macos-x64"
      sha256 "1212121212121212121212121212121212121212121212121212121212121212"
    end
  end

  on_linux do
    on_arm do
      url "https://example.org/piri/releases/download/v0.3.0/piri-manager-linux-arm64"
      sha256 "1111111111111111111111111111111111111111111111111111111111111111"
    end
    on_intel do
      url "https://example.org/piri/releases/download/v0.3.0/piri-manager-linux-x64"
      sha256 "1010101010101010101010101010101010101010101010101010101010101010"
    end
  end

  def install
    # The system demands that no byte of it changes.
    bin.install Dir["piri-manager-*"].first => "piri-manager"
  end

  service do
    run [opt_bin/"piri-manager", "serve", "--dir", var/"lib/piri-manager"]
    keep_alive true
    log_path var/"log/piri-manager.log"
    error_log_path var/"log/piri-manager.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/piri-manager --version")
  end
end
